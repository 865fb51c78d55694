/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The state of the eBPF programs. Sizes are defaults; user space sets them before loading. Entries of hashes are
 * allocated as they are needed.
 *
 * Uprobe programs can be preempted, so nothing lives in per-CPU scratch: a thread's state is its own map entry.
 */
#ifndef LEAKLINE_MAPS_BPF_H
#define LEAKLINE_MAPS_BPF_H

/* A live block. `weight` blocks of this size are accounted for it: 1 unless allocations are sampled. */
struct block {
	__u64 size;
	__u64 stack_id;
	__u32 weight;
	__u32 unused;
};

enum result {
	RETURNS_BLOCK = 1, /* or NULL */
	STORES_BLOCK = 2, /* returns 0 and stores the block through an argument */
	RETURNS_MAPPING = 3, /* or MAP_FAILED */
	NOT_SAMPLED = 4, /* of no interest but to those inside; its return is not probed */
	RETURNS_SIZE = 5, /* of the old block, which stays where it is */
	RETURNS_NOTHING = 6, /* takes a block back, and may call others that do */
};

/* An allocator call that a thread is in. */
struct pending_call {
	__u64 sp; /* stack pointer at the call's entry; identifies the call */
	__u64 ip; /* of the probe */
	__u64 return_address;
	__u64 size;
	__u64 stack_id;
	__u64 out; /* STORES_BLOCK: where */
	__u64 old_address; /* the block taken out of the account (realloc, mremap), else 0 */
	struct block old;
	__u64 cut_address; /* pages that mremap moves when it succeeds, where that is not a whole mapping; else 0 */
	__u64 cut_size;
	__u32 cuts_result; /* what it maps takes the place of what was there (MAP_FIXED) */
	__u32 unused;
	__u32 result; /* enum result */
	__u32 weight;
};

/* Calls of one thread at a time, a power of two: further ones come from signal handlers that interrupt an allocator. */
#define MAX_PENDING 4

/*
 * What is known of a frame while walking: the registers as its caller will find them.
 *
 * It is part of the thread's state, not of the BPF stack: the verifier then takes its values for unknown, and is done
 * with each instruction once instead of once for each frame.
 */
struct walk {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 id;
	/* The stack pointer behind the return of a call that may still be under way further up the stack, or 0. */
	__u64 watched;
	__u64 watched_return; /* where that call returns to: the kernel has put its own address there */
	__u64 window_start; /* user address of thread->window */
	__u32 depth;
	__u32 end; /* enum stack_end */
	__u32 verified;
	__u32 space;
	__u32 first_mapping;
	__u32 mapping_count;
	__u32 mapping; /* index of the last one used */
	__u32 handler_depth; /* and so many frames before it */
	__u32 generation; /* of the mappings; 0: rules found in them are not to be remembered */
	bool exact_ip; /* ip is the interrupted instruction, not a return address */
	bool fp_lost; /* a frame did not say where its caller's rbp is */
	bool in_handler; /* a signal frame was passed, */
	bool no_window; /* what lies above the stack could not be read */
	bool met_watched; /* the watched call's frame was passed; without a signal frame before it the walk ends there */
};

/* Words of the stack that are copied at a time: reading the user's memory once costs less than once for each frame. */
#define WINDOW_WORDS 256

/* A power of two. */
#define REMEMBERED_RULES 64

/* A thread comes back to the same call sites: as long as the mappings are the same, so is the rule of each. */
struct remembered_rule {
	__u64 ip;
	__u64 rule;
};

struct thread {
	struct pending_call pending[MAX_PENDING];
	__u32 pending_count;
	__u32 unused;
	struct walk walk;
	struct stack stack; /* what the walk found */
	__u64 window[WINDOW_WORDS]; /* a part of the user's stack */
	__u32 rules_space; /* `rules` were found in this address space, */
	__u32 rules_generation; /* and in these mappings of it */
	struct remembered_rule rules[REMEMBERED_RULES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

/* By slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct process);
} processes SEC(".maps");

/* Slots by process id, in user space's own PID namespace. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, struct block_key);
	__type(value, struct block);
} blocks SEC(".maps");

/* Like `blocks`, for pages: apart, because a part of a mapping can be unmapped, and then all of them are looked through. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, struct block_key);
	__type(value, struct block);
} mapped SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u64); /* stack id */
	__type(value, struct stack_totals);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u64); /* stack id */
	__type(value, struct stack);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, __u32); /* thread id */
	__type(value, struct thread);
} threads SEC(".maps");

/* A new thread's state is copied from here: it is too large for the BPF stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread);
} blank_thread SEC(".maps");

/* By slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct framed_functions);
} framed SEC(".maps");

/* How many blocks pending calls have taken out of the account, to put back should they fail: `old_address` of all. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DECAY_STEPS + 1);
	__type(key, __u32);
	__type(value, __u32);
} decay SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static struct settings *get_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

static struct thread *current_thread(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

static struct thread *current_thread_or_new(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *thread = bpf_map_lookup_elem(&threads, &tid);
	__u32 zero = 0;
	struct thread *blank;

	if (thread)
		return thread;
	blank = bpf_map_lookup_elem(&blank_thread, &zero);
	if (!blank || bpf_map_update_elem(&threads, &tid, blank, BPF_NOEXIST)) {
		count(DROPPED_THREAD);
		return NULL;
	}
	return bpf_map_lookup_elem(&threads, &tid);
}

#endif
