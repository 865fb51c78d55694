/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What memleak.bpf.c and user space share. src/capture/layout.ts says the same in TypeScript; a test compares them.
 */
#ifndef LEAKLINE_MEMLEAK_H
#define LEAKLINE_MEMLEAK_H

#define MAX_FRAMES 127

/* What a probed function does with its arguments: the cookie of its probes. */
enum call {
	CALL_MALLOC = 1,
	CALL_CALLOC = 2,
	CALL_MEMALIGN = 3,
	CALL_POSIX_MEMALIGN = 4,
	CALL_REALLOC = 5,
	CALL_REALLOCARRAY = 6,
	CALL_FREE = 7,
	CALL_MMAP = 8,
	CALL_MREMAP = 9,
	CALL_MUNMAP = 10,
};

/* Why a stack ends where it ends. */
enum stack_end {
	STACK_ENDED = 0, /* where the thread began, or the chain of frame pointers came to its end */
	STACK_BAD_FRAME_POINTER = 1, /* unaligned, or not further up the stack: code without frame pointers */
	STACK_UNREADABLE = 2,
	STACK_TOO_DEEP = 3, /* more than MAX_FRAMES */
	STACK_NO_RULE = 4, /* code that no unwind table covers, without frame pointers */
	STACK_BAD_FRAME = 5, /* the rule led to a frame that is not further up the stack */
};

/* What a stack allocates: two accounts that are never mixed. */
enum stack_class {
	CLASS_HEAP = 0, /* malloc and its family */
	CLASS_MAPPING = 1, /* mmap, mremap */
};

/* Value of map `frames`: return addresses, innermost first. */
struct stack {
	__u32 depth;
	__u32 end; /* enum stack_end */
	__u32 class; /* enum stack_class */
	__u32 unused;
	__u64 addresses[MAX_FRAMES];
};

/* How many executable mappings a process may have that unwind tables are used for. */
#define MAX_MAPPINGS 2048

/* Low byte of a rule: how to find the CFA, the stack pointer before the call; see src/unwind/. */
enum unwind_kind {
	UNWIND_NONE = 0,
	UNWIND_END = 1, /* the outermost frame */
	UNWIND_RSP = 2, /* rsp + offset */
	UNWIND_RBP = 3, /* rbp + offset */
	UNWIND_PLT = 4, /* rsp + 8, or 16 in the second half of the stub */
	UNWIND_SIGNAL = 5, /* registers are in the signal frame */
	UNWIND_RBP_DEREF = 6, /* what rbp + offset points to */
	UNWIND_RSP_DEREF = 7, /* what rsp + offset points to */
};

/* Second byte of a rule, where it is not how far from the CFA the caller's rbp was saved. */
enum unwind_rbp {
	UNWIND_RBP_LOST = 1,
	UNWIND_RBP_AT_RBP = 2, /* where rbp points to */
};

/* Value of map `unwind_mappings`: an executable mapping, and which rows of `unwind_rows` are its file's. */
struct unwind_mapping {
	__u64 start;
	__u64 end;
	__u64 bias; /* absolute address - bias = address in the rows */
	__u32 first_row;
	__u32 row_count;
};

/* Value of map `unwind_state`: the mappings in force, sorted by start. */
struct unwind_state {
	__u32 first_mapping;
	__u32 mapping_count;
};

/* Value of map `totals`. */
struct stack_totals {
	__u64 bytes; /* outstanding */
	__u64 blocks; /* outstanding */
	__u64 allocated_bytes; /* since the attach, freed or not */
	__u64 allocated_blocks;
};

/* Indices of map `counters`: what could not be accounted, and why. */
enum counter {
	DROPPED_BLOCK = 0, /* map `blocks` is full: an allocation that is not in the account */
	DROPPED_STACK = 1, /* maps `frames` or `totals` are full: likewise */
	DROPPED_THREAD = 2, /* map `threads` is full: likewise */
	MISSED_FREE = 3, /* an address was allocated twice, so a free was not seen */
	UNMATCHED_FREE = 4, /* freed, but allocated before the attach or dropped */
	ABANDONED_CALL = 5, /* an allocator call that was left without returning */
	COUNTERS = 6,
};

#endif
