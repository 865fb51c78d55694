// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel side of leakline: keeps the account of outstanding allocations of one process, by call stack.
 *
 * User space attaches two programs to the functions of an allocator (uprobes) and reads three maps at each interval:
 * `totals`, `frames` (only the stacks it has not seen) and `counters`. Nothing is sent per event.
 *
 * An allocation is seen twice. At the function's entry the stack is exact (the return address lies on top), so the
 * stack is taken there and remembered, with the requested size, as the thread's *pending call*. At its return the
 * address is known, and the block enters the account. Allocators call each other (calloc → malloc → mmap): what
 * enters deeper in the stack than the pending call is part of it, and only the outermost call counts.
 *
 * A block leaves the account at the *entry* of free, munmap or realloc: once the allocator has run, another thread may
 * already own the address. A realloc that fails gets its block back at the return.
 *
 * Uprobe programs can be preempted, so nothing here lives in per-CPU scratch: a thread's state is its own map entry.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "memleak.h"

#define PAGE_MASK 4095ULL
#define MAP_FAILED ((__u64)-1)

/* What the return instruction takes off the stack. */
#if defined(__TARGET_ARCH_x86)
#define RETURN_ADDRESS_SIZE 8
#else
#define RETURN_ADDRESS_SIZE 0
#endif

/* A live block. Key of `blocks` is its address. */
struct block {
	__u64 size;
	__u64 stack_id;
};

enum operation {
	NO_CALL = 0,
	/* Returns the block, or NULL. */
	RETURNS_BLOCK,
	/* Returns 0 and stores the block through its first argument (posix_memalign). */
	STORES_BLOCK,
	/* Returns the block or MAP_FAILED. */
	RETURNS_MAPPING,
};

/* The outermost allocator call that a thread is in. */
struct pending_call {
	__u64 sp; /* stack pointer at the call's entry; identifies the call */
	__u64 size;
	__u64 stack_id;
	__u64 out; /* STORES_BLOCK: where */
	__u64 old_address; /* realloc, mremap: the block taken out of the account, else 0 */
	struct block old;
	__u32 operation;
	__u32 unused;
};

struct thread {
	struct pending_call pending;
	struct stack stack; /* scratch for the walk */
};

/* Sizes are defaults; user space sets them before loading. Entries are allocated as they are needed. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 20);
	__type(key, __u64); /* address */
	__type(value, struct block);
} blocks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* A new thread's state is copied from here: it is too large for the BPF stack. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread);
} blank_thread SEC(".maps");

static void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

static struct thread *current_thread(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&threads, &tid);
}

static bool in_call(void)
{
	struct thread *thread = current_thread();

	return thread && thread->pending.operation != NO_CALL;
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

/* One step of splitmix64: spreads every bit of a frame over the id. */
static __u64 mix(__u64 id, __u64 address)
{
	id = (id ^ address) + 0x9e3779b97f4a7c15ULL;
	id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9ULL;
	id = (id ^ (id >> 27)) * 0x94d049bb133111ebULL;
	return id ^ (id >> 31);
}

/*
 * Walks the caller's stack at a function's entry, by frame pointers, into thread->stack. Returns the stack's id.
 *
 * The first frame is the return address, where the ABI puts it; the others follow the chain of frame pointers. A chain
 * that does not grow, is not aligned or cannot be read ends the walk.
 */
static __u64 walk_by_frame_pointers(struct thread *thread, struct pt_regs *regs, __u32 class)
{
	struct stack *stack = &thread->stack;
	__u64 frame_pointer = PT_REGS_FP(regs);
	__u64 frame[2]; /* caller's frame pointer, return address */
	__u64 id = class;
	__u32 depth = 0;
	__u32 end = STACK_ENDED;
	__u64 address;

#if defined(__TARGET_ARCH_arm64)
	address = PT_REGS_RET(regs); /* the link register */
#else
	if (bpf_probe_read_user(&address, sizeof(address), (void *)PT_REGS_SP(regs)))
		address = 0;
#endif
	if (address) {
		stack->addresses[0] = address;
		id = mix(id, address);
		depth = 1;
	}
	for (int i = 1; i < MAX_FRAMES; i++) {
		if (frame_pointer == 0)
			break;
		if (frame_pointer & 7 || frame_pointer < PT_REGS_SP(regs)) {
			end = STACK_BAD_FRAME_POINTER;
			break;
		}
		if (bpf_probe_read_user(frame, sizeof(frame), (void *)frame_pointer)) {
			end = STACK_UNREADABLE;
			break;
		}
		if (frame[1] == 0)
			break;
		stack->addresses[i] = frame[1];
		id = mix(id, frame[1]);
		depth = i + 1;
		if (frame[0] != 0 && frame[0] <= frame_pointer) {
			end = STACK_BAD_FRAME_POINTER;
			break;
		}
		frame_pointer = frame[0];
	}
	if (depth == MAX_FRAMES)
		end = STACK_TOO_DEEP;
	stack->depth = depth;
	stack->end = end;
	stack->class = class;
	return mix(id, depth);
}

#if defined(__TARGET_ARCH_x86)
#include "unwind.bpf.h"
#else
#define walk_by_tables walk_by_frame_pointers
#endif

/* Makes sure that the stack has its totals and its frames in the maps. */
static bool remember_stack(struct thread *thread, __u64 id)
{
	struct stack_totals none = {};
	long error;

	if (bpf_map_lookup_elem(&totals, &id))
		return true;
	error = bpf_map_update_elem(&frames, &id, &thread->stack, BPF_ANY);
	if (!error) {
		/* Another thread may have been faster: its totals stay. */
		bpf_map_update_elem(&totals, &id, &none, BPF_NOEXIST);
		if (bpf_map_lookup_elem(&totals, &id))
			return true;
	}
	count(DROPPED_STACK);
	return false;
}

static void subtract_block(const struct block *block)
{
	struct stack_totals *total = bpf_map_lookup_elem(&totals, &block->stack_id);

	if (!total)
		return;
	__sync_fetch_and_add(&total->bytes, -block->size);
	__sync_fetch_and_add(&total->blocks, -1);
}

/* Takes a block out of the account. Deleting decides who wins when two threads free the same address. */
static bool take_block(__u64 address, struct block *taken)
{
	struct block *block = bpf_map_lookup_elem(&blocks, &address);

	if (!block)
		return false;
	*taken = *block;
	if (bpf_map_delete_elem(&blocks, &address))
		return false;
	subtract_block(taken);
	return true;
}

/* Puts a block into the account. Returns its stack's totals, or NULL when it had to be dropped. */
static struct stack_totals *put_block(__u64 address, const struct block *block)
{
	struct stack_totals *total;
	struct block stale;

	if (bpf_map_update_elem(&blocks, &address, block, BPF_NOEXIST)) {
		/* Either the address is taken, so its free was missed, or the map is full. */
		if (take_block(address, &stale))
			count(MISSED_FREE);
		if (bpf_map_update_elem(&blocks, &address, block, BPF_NOEXIST)) {
			count(DROPPED_BLOCK);
			return NULL;
		}
	}
	total = bpf_map_lookup_elem(&totals, &block->stack_id);
	if (!total)
		return NULL;
	__sync_fetch_and_add(&total->bytes, block->size);
	__sync_fetch_and_add(&total->blocks, 1);
	return total;
}

static void add_new_block(__u64 address, const struct block *block)
{
	struct stack_totals *total = put_block(address, block);

	if (!total)
		return;
	__sync_fetch_and_add(&total->allocated_bytes, block->size);
	__sync_fetch_and_add(&total->allocated_blocks, 1);
}

/*
 * The entry of an allocating function. Returns the pending call for the caller to complete, or NULL when this call is
 * part of another one or cannot be accounted.
 *
 * A pending call that lies *below* this one in the stack was left without returning (longjmp, an exception thrown
 * through it, a thread id used again): it is dropped here.
 */
static __always_inline struct pending_call *begin_call(struct pt_regs *regs, __u32 operation, __u64 size, bool by_tables)
{
	struct thread *thread = current_thread_or_new();
	struct pending_call *pending;
	__u64 sp = PT_REGS_SP(regs);
	__u64 stack_id;
	__u32 class;

	if (!thread)
		return NULL;
	pending = &thread->pending;
	if (pending->operation != NO_CALL) {
		if (sp <= pending->sp)
			return NULL;
		count(ABANDONED_CALL);
		pending->operation = NO_CALL;
	}
	class = operation == RETURNS_MAPPING ? CLASS_MAPPING : CLASS_HEAP;
	stack_id = by_tables ? walk_by_tables(thread, regs, class) : walk_by_frame_pointers(thread, regs, class);
	if (!remember_stack(thread, stack_id))
		return NULL;
	pending->sp = sp;
	pending->size = size;
	pending->stack_id = stack_id;
	pending->out = 0;
	pending->old_address = 0;
	pending->operation = operation;
	return pending;
}

static void release(__u64 address)
{
	struct block block;

	/* An allocator frees its own blocks inside a call: those were never in the account. */
	if (address && !take_block(address, &block) && !in_call())
		count(UNMATCHED_FREE);
}

/* munmap(address, length): the mapping's first pages, or all of it. */
static void unmap(__u64 address, __u64 length)
{
	struct block block;

	length = (length + PAGE_MASK) & ~PAGE_MASK;
	if (!take_block(address, &block) || length >= block.size)
		return;
	block.size -= length;
	put_block(address + length, &block);
}

/* The entry of any probed function: the probe's cookie says which (enum call). */
static __always_inline int enter(struct pt_regs *regs, bool by_tables)
{
	__u64 first = PT_REGS_PARM1(regs);
	__u64 second = PT_REGS_PARM2(regs);
	__u64 third = PT_REGS_PARM3(regs);
	__u32 operation = RETURNS_BLOCK;
	__u64 old_address = 0;
	__u64 out = 0;
	__u64 size;
	struct pending_call *pending;

	switch (bpf_get_attach_cookie(regs)) {
	case CALL_FREE:
		release(first);
		return 0;
	case CALL_MUNMAP:
		unmap(first, second);
		return 0;
	case CALL_MALLOC: /* (size) */
		size = first;
		break;
	case CALL_CALLOC: /* (count, size) */
		size = first * second;
		break;
	case CALL_MEMALIGN: /* (alignment, size) */
		size = second;
		break;
	case CALL_POSIX_MEMALIGN: /* (out, alignment, size) */
		operation = STORES_BLOCK;
		out = first;
		size = third;
		break;
	case CALL_REALLOC: /* (old, size) */
		old_address = first;
		size = second;
		break;
	case CALL_REALLOCARRAY: /* (old, count, size) */
		old_address = first;
		size = second * third;
		break;
	case CALL_MMAP: /* (hint, size, …) */
		operation = RETURNS_MAPPING;
		size = second;
		break;
	case CALL_MREMAP: /* (old, old size, size, …) */
		operation = RETURNS_MAPPING;
		old_address = first;
		size = third;
		break;
	default:
		return 0;
	}

	pending = begin_call(regs, operation, size, by_tables);
	if (pending) {
		pending->out = out;
		/* The old block leaves the account now, and comes back if the call fails. */
		if (old_address && take_block(old_address, &pending->old))
			pending->old_address = old_address;
	} else if (old_address && !in_call()) {
		/* The call could not be accounted, but the old block is no longer what it was. */
		struct block lost;

		take_block(old_address, &lost);
	}
	return 0;
}

SEC("uprobe")
int function_enter(struct pt_regs *regs)
{
	return enter(regs, false);
}

/* The same; stacks are walked by unwind tables. */
SEC("uprobe")
int function_enter_by_tables(struct pt_regs *regs)
{
	return enter(regs, true);
}

/* The return of any allocating function. */
SEC("uretprobe")
int function_return(struct pt_regs *regs)
{
	struct thread *thread = current_thread();
	struct pending_call *pending;
	struct block block;
	__u64 address;
	__u64 result = PT_REGS_RC(regs);

	if (!thread)
		return 0;
	pending = &thread->pending;
	if (pending->operation == NO_CALL || PT_REGS_SP(regs) != pending->sp + RETURN_ADDRESS_SIZE)
		return 0; /* the return of a nested call */

	address = result;
	if (pending->operation == RETURNS_MAPPING && result == MAP_FAILED)
		address = 0;
	if (pending->operation == STORES_BLOCK &&
	    ((__u32)result != 0 || bpf_probe_read_user(&address, sizeof(address), (void *)pending->out)))
		address = 0;

	if (address) {
		block.size = pending->size;
		block.stack_id = pending->stack_id;
		add_new_block(address, &block);
	} else if (pending->old_address && !(pending->operation == RETURNS_BLOCK && pending->size == 0)) {
		/* It failed, and the old block stays. realloc(p, 0) that returns NULL has freed it. */
		put_block(pending->old_address, &pending->old);
	}
	pending->operation = NO_CALL;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
