// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What leakline's programs cost on this machine, measured before it attaches anywhere: `leakline doctor` probes a
 * function of its own process with these and calls it in a loop (src/capture/probe-cost.ts).
 *
 * They repeat what costs most of what memleak.bpf.c does, as often as it does it: hash maps for the account, and for each
 * frame a rule that the thread remembers and two words of a copy of its stack.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* How far the walk goes; src/capture/probe-cost.ts divides by it. */
#define FRAMES 32
/* Of a usual frame: FRAMES of them fill a window. */
#define FRAME_WORDS 8
/* As in maps.bpf.h. */
#define WINDOW_WORDS 256
#define REMEMBERED_RULES 64
/* Rows of the C library's unwind table, and the steps of a binary search in so many. */
#define ROWS (1 << 15)
#define ROW_STEPS 15

/* A stack's. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u64);
	__type(value, __u64[4]);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ROWS);
	__type(key, __u32);
	__type(value, __u64);
} rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64);
	__type(value, __u64[3]);
} blocks SEC(".maps");

struct remembered_rule {
	__u64 ip;
	__u64 rule;
};

struct thread {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 id;
	__u64 window_start;
	__u64 nothing; /* always 0, which the compiler does not know */
	__u32 depth;
	__u32 unused;
	__u64 addresses[128];
	__u64 window[WINDOW_WORDS];
	struct remembered_rule rules[REMEMBERED_RULES];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u64);
	__type(value, struct thread);
} threads SEC(".maps");

/* A new thread's state is copied from here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread);
} blank_thread SEC(".maps");

/* A probe without a program's work. */
SEC("uprobe")
int probe_nothing(struct pt_regs *regs)
{
	return 0;
}

/* The same, where a session skips the function's return. */
SEC("uprobe")
int probe_skipping(struct pt_regs *regs)
{
	return 1;
}

static struct thread *current_thread(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct thread *thread = bpf_map_lookup_elem(&threads, &id);
	__u32 zero = 0;
	struct thread *blank;

	if (thread)
		return thread;
	blank = bpf_map_lookup_elem(&blank_thread, &zero);
	if (blank)
		bpf_map_update_elem(&threads, &id, blank, BPF_NOEXIST);
	return bpf_map_lookup_elem(&threads, &id);
}

static __noinline void add_to_totals(__u64 stack)
{
	__u64 *total = bpf_map_lookup_elem(&totals, &stack);
	__u64 none[4] = {};

	if (!total) {
		bpf_map_update_elem(&totals, &stack, none, BPF_NOEXIST);
		return;
	}
	__sync_fetch_and_add(&total[0], 64);
	__sync_fetch_and_add(&total[1], 1);
}

/* The part of a malloc/free pair that is the same for all stacks, but the walk's. */
SEC("uprobe")
int probe_account(struct pt_regs *regs)
{
	__u64 address = PT_REGS_SP(regs);
	__u64 block[3] = {};
	__u64 word = 0;
	__u64 cookies = 0;

	/* malloc's entry */
	cookies += bpf_get_func_ip(regs);
	cookies += bpf_get_attach_cookie(regs);
	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	current_thread();
	add_to_totals(1);
	/* its return */
	cookies += bpf_get_func_ip(regs);
	cookies += bpf_get_attach_cookie(regs);
	current_thread();
	block[0] = cookies + word;
	bpf_map_update_elem(&blocks, &address, block, BPF_NOEXIST);
	add_to_totals(1);
	/* free */
	cookies += bpf_get_attach_cookie(regs);
	if (bpf_map_lookup_elem(&blocks, &address))
		bpf_map_delete_elem(&blocks, &address);
	add_to_totals(1);
	return cookies == 1;
}

static __noinline __u64 search(__u32 wanted)
{
	__u32 low = 0;
	__u32 high = ROWS;

	for (int step = 0; step < ROW_STEPS; step++) {
		__u32 middle = low + (high - low) / 2;
		__u64 *row = bpf_map_lookup_elem(&rows, &middle);

		if (!row)
			return 0;
		/* All rows are zero: the position stands in for what a row would hold. */
		if (middle + *row <= wanted)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/*
 * How the caller of the code at ip is found. The thread remembers it from its last walk, unless another frame's is kept
 * in the same place: the deeper the stack, the more often.
 */
static __noinline __u64 rule_at(struct thread *thread, __u64 ip)
{
	struct remembered_rule *remembered = &thread->rules[(ip ^ ip >> 6) & (REMEMBERED_RULES - 1)];

	if (remembered->ip != ip) {
		remembered->ip = ip;
		remembered->rule = search(ip & (ROWS - 1)) ? FRAME_WORDS * 8 : 8;
	}
	return remembered->rule;
}

/* One step of splitmix64, as in walk.bpf.h. */
static __u64 mix(__u64 id, __u64 address)
{
	id = (id ^ address) + 0x9e3779b97f4a7c15ULL;
	id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9ULL;
	id = (id ^ (id >> 27)) * 0x94d049bb133111ebULL;
	return id ^ (id >> 31);
}

/* What is read of a frame decides where the next is looked for: nothing may be done ahead. */
static long next_frame(__u32 index, struct thread **context)
{
	struct thread *thread = *context;
	__u64 cfa = thread->sp + rule_at(thread, thread->ip - 1);
	__u64 place = cfa - 16 - thread->window_start;
	__u64 *pair;

	if (place > (WINDOW_WORDS - 2) * 8)
		return 1;
	pair = (void *)thread->window + (__u32)place;
	thread->fp = pair[0];
	thread->sp = cfa;
	/* Another place each time, as in a stack; always the same ones. */
	thread->ip = (__u32)((index + 2) * 2654435761U) + (pair[1] & thread->nothing);
	thread->addresses[thread->depth & 127] = thread->ip;
	thread->depth++;
	thread->id = mix(thread->id, thread->ip);
	return 0;
}

static int walk(struct pt_regs *regs, __u32 frames)
{
	struct thread *thread = current_thread();

	if (!thread)
		return 0;
	thread->ip = 40503;
	thread->sp = PT_REGS_SP(regs);
	thread->window_start = thread->sp;
	thread->depth = 0;
	if (bpf_probe_read_user(thread->window, sizeof(thread->window), (void *)thread->sp))
		return 0;
	if (frames)
		bpf_loop(frames, next_frame, &thread, 0);
	return 0;
}

/* What every walk does, however deep the stack is. */
SEC("uprobe")
int probe_walk_start(struct pt_regs *regs)
{
	return walk(regs, 0);
}

/* A walk of FRAMES frames by unwind tables. Needs Linux 5.17. */
SEC("uprobe")
int probe_walk(struct pt_regs *regs)
{
	return walk(regs, FRAMES);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
