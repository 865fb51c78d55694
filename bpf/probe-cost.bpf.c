// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What leakline's programs cost on this machine, measured before it attaches anywhere: `leakline doctor` probes a
 * function of its own process with these and calls it in a loop (src/capture/probe-cost.ts).
 *
 * They repeat the expensive operations of memleak.bpf.c, as often as it performs them: hash maps for the account, a
 * binary search and a read of user memory for each frame.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* How far the walk goes; src/capture/probe-cost.ts divides by it. */
#define FRAMES 32
/* Rows of the C library's unwind table, and the steps of a binary search in so many. */
#define ROWS (1 << 15)
#define ROW_STEPS 15

/* A thread's state, a stack's totals. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u64);
	__type(value, __u64);
} known SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64);
	__type(value, __u64[3]);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROWS);
	__type(key, __u32);
	__type(value, __u64);
} rows SEC(".maps");

/* A probe without a program's work. */
SEC("uprobe")
int probe_nothing(struct pt_regs *regs)
{
	return 0;
}

static void add_to_known(__u64 key)
{
	__u64 *value = bpf_map_lookup_elem(&known, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
}

/* The maps' part of a malloc/free pair. */
SEC("uprobe")
int probe_account(struct pt_regs *regs)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 address = PT_REGS_SP(regs);
	__u64 block[3] = {};
	__u64 stack = 1;
	__u64 one = 1;

	if (!bpf_map_lookup_elem(&known, &thread)) {
		bpf_map_update_elem(&known, &thread, &one, BPF_ANY);
		bpf_map_update_elem(&known, &stack, &one, BPF_ANY);
	}
	/* malloc's entry */
	add_to_known(stack);
	/* its return */
	add_to_known(thread);
	bpf_map_update_elem(&blocks, &address, block, BPF_NOEXIST);
	add_to_known(stack);
	/* free */
	if (bpf_map_lookup_elem(&blocks, &address))
		bpf_map_delete_elem(&blocks, &address);
	add_to_known(stack);
	return 0;
}

/* What is read of a frame decides where the next is looked for: nothing may be done ahead. */
struct walk {
	__u64 sp;
	__u64 sum;
};

static long next_frame(__u32 index, struct walk *walk)
{
	__u32 low = 0;
	__u32 high = ROWS;
	__u32 wanted = ((__u32)walk->sum * 2654435761U + index * 40503U) & (ROWS - 1);
	__u64 frame[2] = {};

	for (int step = 0; step < ROW_STEPS; step++) {
		__u32 middle = low + (high - low) / 2;
		__u64 *row = bpf_map_lookup_elem(&rows, &middle);

		if (!row)
			return 1;
		/* All rows are zero: the position stands in for what a row would hold. */
		if (middle + *row <= wanted)
			low = middle;
		else
			high = middle;
	}
	if (bpf_probe_read_user(frame, sizeof(frame), (void *)(walk->sp + index * 16)))
		return 1;
	walk->sum += frame[1] + low;
	return 0;
}

/* A walk of FRAMES frames by unwind tables. Needs Linux 5.17. */
SEC("uprobe")
int probe_walk(struct pt_regs *regs)
{
	struct walk walk = { .sp = PT_REGS_SP(regs) };
	__u64 thread = 2;

	bpf_loop(FRAMES, next_frame, &walk, 0);
	/* So that the compiler keeps the walk. */
	bpf_map_update_elem(&known, &thread, &walk.sum, BPF_ANY);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
