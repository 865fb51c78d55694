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
	STACK_ENDED = 0, /* the chain of frame pointers came to its end */
	STACK_BAD_FRAME_POINTER = 1, /* unaligned, or not further up the stack: code without frame pointers */
	STACK_UNREADABLE = 2,
	STACK_TOO_DEEP = 3, /* more than MAX_FRAMES */
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
