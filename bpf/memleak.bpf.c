// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The kernel side of leakline: keeps the account of outstanding allocations of some processes, by call stack.
 *
 * User space attaches these programs to the functions of the processes' allocators (uprobes) and reads maps at each
 * interval: `totals`, `frames` (only the stacks it has not seen) and `counters`. Nothing is sent per event.
 *
 * An allocation is seen twice. At the function's entry the stack is exact (the return address lies on top), so the
 * stack is taken there and remembered, with the requested size, as the thread's *pending call*. At its return the
 * address is known, and the block enters the account. Allocators call each other (calloc → malloc → mmap): only the
 * outermost call counts. Whether a call that has not returned is really still under way, or was left by longjmp or an
 * exception, or was interrupted by a signal whose handler allocates itself, is seen on the stack.
 *
 * A block leaves the account at the *entry* of free, munmap or realloc: once the allocator has run, another thread may
 * already own the address. A realloc that fails gets its block back at the return.
 */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "memleak.h"
#include "maps.bpf.h"
#include "account.bpf.h"
#include "sampling.bpf.h"
#include "walk.bpf.h"
#if defined(__TARGET_ARCH_x86)
#include "unwind.bpf.h"
#include "framed.bpf.h"
#else
/* Frame pointers miss frames: nothing can be concluded from what a walk does not meet. */
#define walk_by_tables walk_by_frame_pointers
#define is_framed(space, ip) false
#define is_below_framed(thread) false
#define remember_framed(thread, space, ip, length)
#endif

#define MAP_FAILED ((__u64)-1)
/* include/uapi/asm-generic/mman-common.h, include/uapi/linux/mman.h */
#define MAP_FIXED 0x10
#define MREMAP_FIXED 2
#define MREMAP_DONTUNMAP 4

/* What an entry program tells a uprobe session: whether it wants to see the function's return. */
#define WATCH_RETURN 0
#define SKIP_RETURN 1

/* Of x86-64 and arm64 at most; what asks for more can only fail. */
#define MAX_SIZE (1ULL << 47)

/* The sixth argument; libbpf names five. */
#if defined(__TARGET_ARCH_x86)
#define SIXTH_ARGUMENT(regs) ((regs)->r9)
#else
#define SIXTH_ARGUMENT(regs) (((struct user_pt_regs *)(regs))->regs[5])
#endif

/* A call of a probed function. */
struct call {
	struct pt_regs *regs;
	__u64 cookie;
	__u64 arguments[8]; /* by number, from 1 on */
	__u32 space;
	bool by_tables;
	bool draws_first; /* framed.bpf.h */
};

static __u64 named_argument(const struct call *call, __u32 shift)
{
	return call->arguments[call->cookie >> shift & 7];
}

static __u32 slot_of(__u64 cookie)
{
	return cookie >> COOKIE_SLOT_SHIFT & 0xffff;
}

/* The address space of the process in a slot; 0 when none is traced there. */
static __u32 space_of(__u32 slot)
{
	struct process *process = bpf_map_lookup_elem(&processes, &slot);

	return process ? process->space : 0;
}

static __u64 whole_pages(__u64 size)
{
	struct settings *settings = get_settings();

	return settings ? (size + settings->page_size - 1) & -settings->page_size : size;
}

/* Returns whether the process is traced. */
static __always_inline bool read_call(struct pt_regs *regs, struct call *call)
{
	call->regs = regs;
	call->cookie = bpf_get_attach_cookie(regs);
	call->space = space_of(slot_of(call->cookie));
	call->arguments[1] = PT_REGS_PARM1(regs);
	call->arguments[2] = PT_REGS_PARM2(regs);
	call->arguments[3] = PT_REGS_PARM3(regs);
	call->arguments[4] = PT_REGS_PARM4(regs);
	call->arguments[5] = PT_REGS_PARM5(regs);
	call->arguments[6] = SIXTH_ARGUMENT(regs);
	return call->space != 0;
}

static bool in_call(void)
{
	struct thread *thread = current_thread();

	return thread && thread->pending_count > 0;
}

/* The pending call at an index. The mask is for the verifier. */
static struct pending_call *pending_at(struct thread *thread, __u32 index)
{
	return &thread->pending[index & (MAX_PENDING - 1)];
}

static void hold(__s64 blocks)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&held, &zero);

	if (count)
		__sync_fetch_and_add(count, blocks);
}

/* Whether a pending call of any thread holds a block. */
static bool is_any_held(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&held, &zero);

	return !count || *(volatile __u64 *)count;
}

/* The pending call is over, and all further in are. */
static void drop_calls(struct thread *thread, __u32 index)
{
	for (__u32 i = 0; i < MAX_PENDING; i++)
		if (i >= index && i < thread->pending_count && pending_at(thread, i)->old_address)
			hold(-1);
	thread->pending_count = index;
}

/* The pending call was left without returning. */
static void leave_call(struct thread *thread, __u32 index)
{
	if (pending_at(thread, index)->result != NOT_SAMPLED)
		count(ABANDONED_CALL);
	drop_calls(thread, index);
}

/* How a new call relates to the last one that has not returned. */
enum relation {
	INSIDE, /* that one is under way, and this call is part of it */
	APART, /* that one is under way, but a signal handler makes this one; or there is none */
	LEFT, /* that one will never return */
	UNCLEAR, /* the stack will tell */
};

static __always_inline enum relation relate_by_place(const struct call *call, struct thread *thread)
{
	__u64 sp = PT_REGS_SP(call->regs);
	struct pending_call *pending;
	bool skipped;
	__u64 word = 0;

	if (thread->pending_count == 0)
		return APART;
	pending = pending_at(thread, thread->pending_count - 1);
	skipped = pending->result == NOT_SAMPLED;
	/*
	 * The same place in the stack: functions that jump into each other, or another call from the same depth. In the
	 * first case the return address is as before, or the kernel's own, which no call leads to.
	 */
	if (sp == pending->sp) {
		if (pending->ip == PT_REGS_IP(call->regs))
			return LEFT;
		word = return_address(call->regs);
		if (skipped)
			return pending->return_address == word ? INSIDE : LEFT;
		return follows_call(word) ? LEFT : INSIDE;
	}
	if (skipped) {
		/* Its return is not seen. While it is under way, its return address stays where it is. */
		bpf_probe_read_user(&word, sizeof(word), (void *)pending->sp);
		if (word != pending->return_address)
			return LEFT;
	}
	if (call->by_tables)
		return UNCLEAR;
	return sp < pending->sp ? INSIDE : LEFT;
}

static enum relation relate_by_stack(const struct walk *walk, __u64 sp)
{
	if (walk->met_watched)
		return walk->in_handler ? APART : INSIDE;
	/* A stack that could not be followed to its end proves nothing: then what lies deeper is inside. */
	return walk->end != STACK_ENDED && sp + RETURN_ADDRESS_SIZE < walk->watched ? INSIDE : LEFT;
}

/*
 * The entry of an allocating function. Returns the pending call for the caller to complete, or NULL when this call is
 * part of another one, is no sample, or cannot be accounted.
 *
 * @weight: as sample_weight() has drawn it.
 * @must_return: the call is of interest even when it is no sample.
 */
static __always_inline struct pending_call *begin_call(const struct call *call, __u32 result, __u64 size, __u32 weight,
						       bool must_return)
{
	struct thread *thread = current_thread_or_new();
	__u32 class = result == RETURNS_MAPPING ? CLASS_MAPPING : CLASS_HEAP;
	struct pending_call *pending;
	enum relation relation;
	__u64 ip;

	if (!thread)
		return NULL;
	relation = relate_by_place(call, thread);
	if (relation == INSIDE)
		return NULL;
	ip = return_address(call->regs);
	thread->walk.watched = 0;
	if (relation == UNCLEAR) {
		pending = pending_at(thread, thread->pending_count - 1);
		thread->walk.watched = pending->sp + RETURN_ADDRESS_SIZE;
		thread->walk.watched_return = pending->return_address;
	}
	if (weight || relation == UNCLEAR) {
		__u64 caller_sp = PT_REGS_SP(call->regs) + RETURN_ADDRESS_SIZE;

		if (call->by_tables)
			walk_by_tables(ip, caller_sp, PT_REGS_FP(call->regs), call->space, class);
		else
			walk_by_frame_pointers(ip, caller_sp, PT_REGS_FP(call->regs), call->space, class);
	}
	if (relation == UNCLEAR)
		relation = relate_by_stack(&thread->walk, PT_REGS_SP(call->regs));
	if (relation == INSIDE)
		return NULL;
	if (relation == LEFT)
		leave_call(thread, thread->pending_count - 1);
	if (call->draws_first && weight) {
		if (is_below_framed(thread))
			return NULL;
		if ((call->cookie & 15) == OPERATION_ALLOCATE_FRAMED)
			remember_framed(thread, call->space, PT_REGS_IP(call->regs), call->cookie >> COOKIE_BYTES_SHIFT);
	}
	if (thread->pending_count >= MAX_PENDING || (weight && !remember_stack(thread, thread->walk.id)))
		return NULL;
	pending = pending_at(thread, thread->pending_count++);
	pending->sp = PT_REGS_SP(call->regs);
	pending->ip = PT_REGS_IP(call->regs);
	pending->return_address = ip;
	pending->old_address = 0;
	if (weight == 0 && !must_return) {
		pending->result = NOT_SAMPLED;
		return NULL;
	}
	pending->size = size;
	pending->stack_id = thread->walk.id;
	pending->weight = weight;
	pending->result = result;
	pending->out = 0;
	pending->cut_address = 0;
	return pending;
}

static void release(const struct call *call)
{
	struct block_key key = { .address = named_argument(call, COOKIE_OLD_SHIFT), .space = call->space };
	struct settings *settings = get_settings();
	struct thread *thread;
	struct block block;

	if (key.address == 0 || take_block(&blocks, &key, &block) || !settings)
		return;
	if (settings->sample_bytes && !is_any_held())
		return;
	thread = current_thread();
	/* An allocator frees its own blocks inside a call: those were never in the account, or it has just taken them out. */
	if (thread && thread->pending_count > 0) {
		struct pending_call *pending = pending_at(thread, thread->pending_count - 1);

		if (pending->old_address == key.address) {
			pending->old_address = 0;
			hold(-1);
		}
	} else if (settings->sample_bytes == 0) {
		count(UNMATCHED_FREE);
	}
}

/* Bytes that a call asks for. */
static __u64 requested_size(const struct call *call)
{
	__u64 fixed = (call->cookie & 15) == OPERATION_ALLOCATE_FRAMED ? 0 : call->cookie >> COOKIE_BYTES_SHIFT;
	__u64 size = fixed ? fixed : named_argument(call, COOKIE_SIZE_SHIFT);

	if (call->cookie >> COOKIE_COUNT_SHIFT & 7)
		size *= named_argument(call, COOKIE_COUNT_SHIFT);
	return (call->cookie & 15) == OPERATION_MAP ? whole_pages(size) : size;
}

/* The old block leaves the account now, and comes back if the call fails. */
static int replace_block(const struct call *call, struct pending_call *pending, const struct block_key *old)
{
	struct block block;

	if (pending) {
		pending->out = named_argument(call, COOKIE_OUT_SHIFT);
		if (old->address && take_block(&blocks, old, &pending->old)) {
			pending->old_address = old->address;
			hold(1);
		}
		return WATCH_RETURN;
	}
	/* The call is not accounted, but the old block is no longer what it was. */
	if (old->address && !in_call())
		take_block(&blocks, old, &block);
	return SKIP_RETURN;
}

/* mmap(hint, size, protection, flags, …), mremap(old, old size, size, flags, …) */
static int replace_pages(const struct call *call, struct pending_call *pending, const struct block_key *old)
{
	__u64 old_size = whole_pages(call->arguments[2]);
	__u64 flags = call->arguments[4];
	struct block *block;

	if (!pending)
		return SKIP_RETURN;
	pending->cuts_result = (flags & (old->address ? MREMAP_FIXED : MAP_FIXED)) != 0;
	if (old->address == 0)
		return WATCH_RETURN;
	if (flags & MREMAP_DONTUNMAP)
		return WATCH_RETURN;
	block = bpf_map_lookup_elem(&mapped, old);
	if (block && block->size == old_size) {
		if (take_block(&mapped, old, &pending->old)) {
			pending->old_address = old->address;
			hold(1);
		}
	} else {
		pending->cut_address = old->address;
		pending->cut_size = old_size;
	}
	return WATCH_RETURN;
}

/* What a call of this operation returns. */
static __u32 result_of(__u64 cookie)
{
	switch (cookie & 15) {
	case OPERATION_ALLOCATE:
	case OPERATION_ALLOCATE_FRAMED:
		return cookie >> COOKIE_OUT_SHIFT & 7 ? STORES_BLOCK : RETURNS_BLOCK;
	case OPERATION_MAP:
		return RETURNS_MAPPING;
	case OPERATION_RESIZE:
		return RETURNS_SIZE;
	default:
		return RETURNS_NOTHING;
	}
}

/* The entry of any probed function. Returns whether its return is of interest. */
static __always_inline int enter(struct pt_regs *regs, bool by_tables, bool draws_first)
{
	struct call call = { .by_tables = by_tables };
	struct settings *settings = get_settings();
	struct block_key old = {};
	struct pending_call *pending;
	__u32 weight = 0;
	__u32 result;
	__u64 size;

	if (!settings || !read_call(regs, &call))
		return SKIP_RETURN;
	call.draws_first = draws_first && settings->sample_bytes;
	result = result_of(call.cookie);
	size = requested_size(&call);
	/*
	 * An operator new that throws cannot pass a probed return: the way that exceptions take is written over. Nothing
	 * can be done where memory really ends, but a size that is too large is common.
	 */
	if (size >= MAX_SIZE)
		return SKIP_RETURN;
	if (result != RETURNS_NOTHING)
		weight = sample_weight(settings, size);
	if (call.draws_first && weight == 0 && (call.cookie & 15) == OPERATION_ALLOCATE_FRAMED &&
	    is_framed(call.space, PT_REGS_IP(regs)))
		return SKIP_RETURN;
	old.address = named_argument(&call, COOKIE_OLD_SHIFT);
	old.space = call.space;
	if (result == RETURNS_NOTHING)
		release(&call);
	else if (result != RETURNS_MAPPING && old.address && !bpf_map_lookup_elem(&blocks, &old))
		old.address = 0;
	pending = begin_call(&call, result, size, weight, old.address || result == RETURNS_MAPPING);
	if (result == RETURNS_MAPPING)
		return replace_pages(&call, pending, &old);
	if (result == RETURNS_NOTHING)
		return pending ? WATCH_RETURN : SKIP_RETURN;
	return replace_block(&call, pending, &old);
}

/* The pending call was successful. */
static void complete(const struct pending_call *pending, __u32 space, __u64 address)
{
	struct block_key key = { .address = address, .space = space };
	struct block block = { .size = pending->size, .stack_id = pending->stack_id, .weight = pending->weight };

	if (pending->result != RETURNS_MAPPING) {
		if (block.weight)
			put_block(&blocks, &key, &block, true);
		return;
	}
	if (pending->cut_address && pending->cut_size)
		cut_pages(space, pending->cut_address, pending->cut_size);
	if (pending->cuts_result)
		cut_pages(space, address, pending->size);
	if (block.weight)
		put_block(&mapped, &key, &block, true);
}

/* The pending call failed, and the old block stays. */
static void restore(const struct pending_call *pending, __u32 space)
{
	struct block_key key = { .address = pending->old_address, .space = space };

	if (pending->old_address == 0)
		return;
	if (pending->result == RETURNS_MAPPING)
		put_block(&mapped, &key, &pending->old, false);
	else if (pending->size != 0) /* realloc(p, 0) that returns NULL has freed it */
		put_block(&blocks, &key, &pending->old, false);
}

/* Index of the pending call that was entered with this stack pointer, or MAX_PENDING. What came after it is over too. */
static __u32 find_pending(struct thread *thread, __u64 sp)
{
	__u32 found = MAX_PENDING;

	for (__u32 i = 0; i < MAX_PENDING; i++)
		if (i < thread->pending_count && pending_at(thread, i)->sp == sp)
			found = i;
	return found;
}

/* The return of any allocating function. */
static int leave_function(struct pt_regs *regs)
{
	struct thread *thread = current_thread();
	__u32 space = space_of(slot_of(bpf_get_attach_cookie(regs)));
	struct pending_call *pending;
	__u64 result = PT_REGS_RC(regs);
	__u64 address = result;
	__u32 index;

	if (!thread)
		return 0;
	index = find_pending(thread, PT_REGS_SP(regs) - RETURN_ADDRESS_SIZE);
	if (index >= MAX_PENDING)
		return 0; /* the return of a part of the pending call */
	pending = pending_at(thread, index);
	drop_calls(thread, index);
	if (pending->result == NOT_SAMPLED || space == 0)
		return 0;
	if (pending->result == RETURNS_MAPPING && result == MAP_FAILED)
		address = 0;
	if (pending->result == STORES_BLOCK &&
	    ((__u32)result != 0 || bpf_probe_read_user(&address, sizeof(address), (void *)pending->out)))
		address = 0;
	if (pending->result == RETURNS_SIZE)
		address = result >= pending->size ? pending->old_address : 0;
	if (pending->result == RETURNS_NOTHING)
		return 0;
	if (address)
		complete(pending, space, address);
	else
		restore(pending, space);
	return 0;
}

SEC("uprobe")
int function_release(struct pt_regs *regs)
{
	struct call call = {};
	__u64 address, size;

	if (!read_call(regs, &call))
		return 0;
	address = named_argument(&call, COOKIE_OLD_SHIFT);
	size = whole_pages(named_argument(&call, COOKIE_SIZE_SHIFT));
	if ((call.cookie & 15) == OPERATION_FREE)
		release(&call);
	else if (size && whole_pages(address) == address) /* others fail */
		cut_pages(call.space, address, size);
	return 0;
}

/* Entries, where returns are probed apart from them. Stacks are walked by frame pointers, or by unwind tables. */
SEC("uprobe")
int function_enter(struct pt_regs *regs)
{
	enter(regs, false, false);
	return 0;
}

SEC("uprobe")
int function_enter_by_tables(struct pt_regs *regs)
{
	enter(regs, true, false);
	return 0;
}

SEC("uretprobe")
int function_return(struct pt_regs *regs)
{
	return leave_function(regs);
}

/* Entries and returns in one (uprobe session, Linux 6.13): returns without interest cost nothing. */
SEC("uprobe")
int function_session(struct pt_regs *regs)
{
	return PT_REGS_IP(regs) == bpf_get_func_ip(regs) ? enter(regs, false, false) : leave_function(regs);
}

SEC("uprobe")
int function_session_by_tables(struct pt_regs *regs)
{
	return PT_REGS_IP(regs) == bpf_get_func_ip(regs) ? enter(regs, true, true) : leave_function(regs);
}

/* A process executes another program: its memory, with all that was allocated in it, is gone. */
SEC("raw_tp/sched_process_exec")
int process_exec(struct bpf_raw_tracepoint_args *args)
{
	struct settings *settings = get_settings();
	struct bpf_pidns_info ids;
	struct process *process;
	struct thread *thread;
	__u32 *slot;

	if (!settings || bpf_get_ns_current_pid_tgid(settings->pid_namespace_device, settings->pid_namespace_inode, &ids, sizeof(ids)))
		return 0;
	slot = bpf_map_lookup_elem(&slots, &ids.tgid);
	if (!slot)
		return 0;
	process = bpf_map_lookup_elem(&processes, slot);
	if (!process || process->space == 0)
		return 0;
	process->space += 0x10000;
	/* args: task, its thread id before, … All other threads are gone, and this one is the main thread now. */
	if ((__u32)args->args[1] != (__u32)bpf_get_current_pid_tgid())
		process->renumbered = 1;
	thread = current_thread();
	if (thread)
		drop_calls(thread, 0);
	return 0;
}

/* A thread ends, perhaps within an allocator. */
SEC("raw_tp/sched_process_exit")
int thread_exit(struct bpf_raw_tracepoint_args *args)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct thread *thread = bpf_map_lookup_elem(&threads, &tid);

	if (!thread)
		return 0;
	if (thread->pending_count > 0)
		leave_call(thread, 0);
	bpf_map_delete_elem(&threads, &tid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
