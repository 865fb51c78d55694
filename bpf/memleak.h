/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the eBPF programs and user space share. src/capture/layout.ts says the same in TypeScript; a test compares them.
 */
#ifndef LEAKLINE_MEMLEAK_H
#define LEAKLINE_MEMLEAK_H

#define MAX_FRAMES 127

/*
 * The cookie of a probe says what the function does, which of its arguments mean what (numbered from 1; 0: it has none),
 * and whose process it is: bits 0-3 operation, 4-7 size, 8-11 count, 12-15 old, 16-19 out, 20-35 slot of the process, 36-63
 * size in bytes where no argument has it, or how much of the function's code lies behind the probe.
 */
enum operation {
	OPERATION_ALLOCATE = 1, /* gives a block of size * count bytes, in the place of `old`, as its result or through `out` */
	OPERATION_FREE = 2, /* takes `old` back */
	OPERATION_MAP = 3, /* gives size bytes of pages, in the place of `old` */
	OPERATION_UNMAP = 4, /* takes size bytes of pages from `old` on back */
	OPERATION_RESIZE = 5, /* changes `old` where it is, and returns the size that it then has */
	OPERATION_ALLOCATE_FRAMED = 6, /* ALLOCATE by a function that is on the stack while anything runs that it calls */
};

#define COOKIE_SIZE_SHIFT 4
#define COOKIE_COUNT_SHIFT 8
#define COOKIE_OLD_SHIFT 12
#define COOKIE_OUT_SHIFT 16
#define COOKIE_SLOT_SHIFT 20
#define COOKIE_BYTES_SHIFT 36

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
	__u32 space; /* address space of the process that it was taken in */
	__u32 verified; /* so many frames, from the innermost on, rest on unwind rules alone */
	__u32 unused;
	__u64 addresses[MAX_FRAMES + 1]; /* one more than is used: the verifier wants a power of two */
};

/* Value of map `settings`; written once, before anything is attached. */
struct settings {
	__u64 pid_namespace_device; /* of user space's own PID namespace, as stat(2) on /proc/self/ns/pid gives it */
	__u64 pid_namespace_inode;
	__u64 page_size;
	/* Sampling by bytes: one sample every `sample_bytes` on average; 0 accounts every allocation. */
	__u64 sample_bytes;
	__u64 sample_inverse; /* 2^40 / sample_bytes */
};

/* e^(-k/4) in units of 2^-30, for k from 0 on: map `decay`. What is allocated in one call is a sample for certain from
 * DECAY_STEPS / 4 * sample_bytes bytes on. */
#define DECAY_STEPS 96

/*
 * Value of map `processes`. The address space's number changes when the process executes another program: what belonged
 * to the old one is gone then. Low 16 bits: its slot; 0 is no address space.
 */
struct process {
	__u32 space;
	__u32 renumbered; /* another thread than the main one has executed: probes for the main one are void */
};

/* Key of maps `blocks` and `mapped`. */
struct block_key {
	__u64 address;
	__u32 space;
	__u32 unused;
};

/* Value of map `framed`, by slot: functions of OPERATION_ALLOCATE_FRAMED; sampling.bpf.h says what for. */
#define FRAMED_FUNCTIONS 8 /* a power of two */
struct framed_function {
	__u64 start; /* where its probe is */
	__u32 length; /* bytes of code from there on */
	__u32 space; /* that it is in; 0: none, CLAIMED: it is being written */
};

struct framed_functions {
	struct framed_function at[FRAMED_FUNCTIONS];
};

/* How many executable mappings of a process unwind tables are used for. */
#define MAX_MAPPINGS 1024

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

/* Value of map `unwind_state`, one for each process: its mappings, sorted by start, as long as `space` is in force. */
struct unwind_state {
	__u32 first_mapping;
	__u32 mapping_count;
	__u32 space;
	__u32 generation; /* another one whenever the mappings change; 0 at first */
};

/* Key of map `unwind_files`: a file as the kernel knows it. */
struct file_key {
	__u64 inode;
	__u32 device; /* dev_t of the kernel: major << 20 | minor */
	__u32 unused;
};

/* Value of map `unwind_files`: the rows of a file, for code in mappings that user space has not seen yet. */
struct unwind_file {
	__s64 offset_bias; /* file offset + offset_bias = address in the rows */
	__u32 first_row;
	__u32 row_count;
};

/* Key and value of map `seen_mappings`: what the program found by itself. */
struct seen_key {
	__u64 start;
	__u32 space;
	__u32 unused;
};

struct seen_mapping {
	__u64 end;
	__u64 offset; /* in the file, bytes */
	struct file_key file;
};

/* Value of map `totals`, one for each CPU: the account is their sum. */
struct stack_totals {
	__s64 bytes; /* outstanding */
	__s64 blocks; /* outstanding */
	__s64 allocated_bytes; /* since the attach, freed or not */
	__s64 allocated_blocks;
};

/* Indices of map `counters`: what could not be accounted, and why. */
enum counter {
	DROPPED_BLOCK = 0, /* map `blocks` or `mapped` is full: an allocation that is not in the account */
	DROPPED_STACK = 1, /* maps `frames` or `totals` are full: likewise */
	DROPPED_THREAD = 2, /* map `threads` is full: likewise */
	MISSED_FREE = 3, /* an address was allocated twice, so a free was not seen */
	UNMATCHED_FREE = 4, /* freed, but not in the account */
	ABANDONED_CALL = 5, /* an allocator call that was left without returning */
	COUNTERS = 6,
};

#endif
