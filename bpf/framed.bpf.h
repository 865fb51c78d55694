/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Drawing first: most calls of malloc are no sample, and should cost no more than the draw.
 *
 * But what runs inside an allocator must not be counted by itself (mmap in malloc). For that, calls that are no sample
 * leave a note in the thread's state, and to look that up costs more than to draw. No note is needed of a function that is
 * on the stack for as long as anything runs that it calls: user space has disassembled it and found no jump out of it
 * (src/capture/keeps-frame.ts). Whatever is drawn is walked from, and the walk meets a frame in that function's code, if
 * there is one. So:
 *
 * - a call of such a function that is no sample leaves no trace;
 * - a call that is a sample is no allocation of its own when a frame above it is in such a function's code, unless it
 *   comes from the handler of a signal that interrupted it.
 *
 * What the functions' addresses are is learned from their own calls, so there is no moment at which a process has
 * mapped something and we have not seen it. A function is entered in the table when one of its calls is a sample, and
 * its code has unwind rules; until then, and when its place in the table is taken, its calls leave notes like all
 * others. An entry stays as long as the address space does: user space names only functions of the executable and of the
 * C library, which stay too.
 */
#ifndef LEAKLINE_FRAMED_BPF_H
#define LEAKLINE_FRAMED_BPF_H

#define CLAIMED 0xffffffffU

static struct framed_function *framed_entry(__u32 space, __u64 ip)
{
	__u32 slot = space & 0xffff;
	struct framed_functions *functions = bpf_map_lookup_elem(&framed, &slot);

	return functions ? &functions->at[ip >> 4 & (FRAMED_FUNCTIONS - 1)] : NULL;
}

/* Whether the function with a probe at ip is in the table. */
static bool is_framed(__u32 space, __u64 ip)
{
	struct framed_function *entry = framed_entry(space, ip);

	return entry && *(volatile __u32 *)&entry->space == space && entry->start == ip;
}

/* Enters it. An entry is never written over in the same address space, and is complete before it is found. */
static void remember_framed(struct thread *thread, __u32 space, __u64 ip, __u32 length)
{
	struct framed_function *entry = framed_entry(space, ip);
	__u32 old;

	if (!entry || rule_at(thread, ip) == UNWIND_NONE)
		return;
	old = *(volatile __u32 *)&entry->space;
	if (old == space || old == CLAIMED || __sync_val_compare_and_swap(&entry->space, old, CLAIMED) != old)
		return;
	entry->start = ip;
	entry->length = length;
	barrier();
	*(volatile __u32 *)&entry->space = space;
}

struct framed_search {
	struct thread *thread;
	struct framed_functions *functions;
	bool found;
};

static long is_frame_framed(__u32 index, struct framed_search *search)
{
	struct thread *thread = search->thread;
	__u64 ip = thread->stack.addresses[index & MAX_FRAMES];

	for (int i = 0; i < FRAMED_FUNCTIONS; i++) {
		struct framed_function *entry = &search->functions->at[i];

		/* A return address may lie behind the function's last instruction. */
		if (entry->space == thread->stack.space && ip > entry->start && ip - entry->start <= entry->length) {
			search->found = true;
			return 1;
		}
	}
	return 0;
}

/* Does the stack that was just walked lead through a function in the table, not counting what a signal interrupted? */
static bool is_below_framed(struct thread *thread)
{
	struct walk *walk = &thread->walk;
	__u32 slot = walk->space & 0xffff;
	struct framed_search search = { .thread = thread, .functions = bpf_map_lookup_elem(&framed, &slot) };

	if (!search.functions)
		return false;
	bpf_loop(walk->in_handler ? walk->handler_depth : walk->depth, is_frame_framed, &search, 0);
	return search.found;
}

#endif
