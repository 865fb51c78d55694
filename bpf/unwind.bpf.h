/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Walks a user stack by unwind tables: code that was compiled without frame pointers has them all the same, in
 * .eh_frame. x86-64.
 *
 * User space compiles each mapped file's .eh_frame into rows, sorted by address, each with the rule that holds from
 * there on (src/unwind/): where the canonical frame address (CFA) is, the stack pointer before the call, and where the
 * caller's rbp was saved. All rows of all files stand in one array; a mapping says which of them are its file's.
 *
 * At a function's entry the registers are exact: the return address is on top of the stack, and the CFA of the caller
 * is known. From then on, a step is two binary searches, mapping and row, and one read of the stack.
 */
#ifndef LEAKLINE_UNWIND_BPF_H
#define LEAKLINE_UNWIND_BPF_H

/* Binary searches end after so many steps: 2^11 mappings, 2^23 rows. */
#define MAPPING_STEPS 12
#define ROW_STEPS 24

/* All sizes are set by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64); /* low 32 bits: address, less the file's base; high 32 bits: rule */
} unwind_rows SEC(".maps");

/* Two halves for each process: one is in use, user space writes the other and then switches. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * MAX_MAPPINGS);
	__type(key, __u32);
	__type(value, struct unwind_mapping);
} unwind_mappings SEC(".maps");

/* By slot. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unwind_state);
} unwind_state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 14);
	__type(key, struct file_key);
	__type(value, struct unwind_file);
} unwind_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1 << 12);
	__type(key, struct seen_key);
	__type(value, struct seen_mapping);
} seen_mappings SEC(".maps");

/* As much of the kernel's own structures as is read here; the loader finds where the fields are in the running kernel. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct super_block {
	__u32 s_dev;
};

struct inode {
	struct super_block *i_sb;
	unsigned long i_ino;
};

struct file {
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	struct file *vm_file;
};
#pragma clang attribute pop

/* Index of the mapping that contains ip, among `count` from `first` on; or NOT_FOUND. */
__noinline __u32 find_mapping(__u64 ip, __u32 first, __u32 count)
{
	__u32 low = first;
	__u32 high = first + count;

	for (int step = 0; step < MAPPING_STEPS && low < high; step++) {
		__u32 middle = low + (high - low) / 2;
		struct unwind_mapping *mapping = bpf_map_lookup_elem(&unwind_mappings, &middle);

		if (!mapping)
			return NOT_FOUND;
		if (ip < mapping->start)
			high = middle;
		else if (ip >= mapping->end)
			low = middle + 1;
		else
			return middle;
	}
	return NOT_FOUND;
}

/* The rule of the last row, among `count` from `first` on, that starts at or below the address. */
__noinline __u32 find_rule(__u32 address, __u32 first, __u32 count)
{
	__u32 low = first;
	__u32 high = first + count;
	__u64 *row;

	for (int step = 0; step < ROW_STEPS && low + 1 < high; step++) {
		__u32 middle = low + (high - low) / 2;

		row = bpf_map_lookup_elem(&unwind_rows, &middle);
		if (!row)
			return UNWIND_NONE;
		if ((__u32)*row <= address)
			low = middle;
		else
			high = middle;
	}
	row = bpf_map_lookup_elem(&unwind_rows, &low);
	if (!row || low >= high || (__u32)*row > address)
		return UNWIND_NONE;
	return *row >> 32;
}

/* The kernel's mapping at an address, and its file's rows. */
struct vma_search {
	__u32 space;
	__u32 row_count; /* 0: none */
	__u32 first_row;
	__u64 bias;
};

static long look_at_vma(struct task_struct *task, struct vm_area_struct *vma, struct vma_search *search)
{
	struct seen_key key = { .start = vma->vm_start, .space = search->space };
	struct seen_mapping seen = { .end = vma->vm_end };
	struct settings *settings = get_settings();
	struct file *file = vma->vm_file;
	struct unwind_file *rows;

	if (!file || !settings)
		return 0;
	seen.offset = vma->vm_pgoff * settings->page_size;
	seen.file.inode = file->f_inode->i_ino;
	seen.file.device = file->f_inode->i_sb->s_dev;
	rows = bpf_map_lookup_elem(&unwind_files, &seen.file);
	if (!rows)
		return 0;
	search->bias = key.start - seen.offset - rows->offset_bias;
	search->first_row = rows->first_row;
	search->row_count = rows->row_count;
	/* Should the process end before user space has read its mappings, this is all that is known of them. */
	bpf_map_update_elem(&seen_mappings, &key, &seen, BPF_NOEXIST);
	return 0;
}

/*
 * The rule for the code at ip. Most frames lie in the mapping of the frame before. What user space has not seen yet (a
 * library just opened, a program just executed) is asked of the kernel itself, which takes longer.
 */
static __u32 rule_at(struct thread *thread, __u64 ip)
{
	struct walk *walk = &thread->walk;
	struct remembered_rule *remembered = &thread->rules[(ip ^ ip >> 6) & (REMEMBERED_RULES - 1)];
	struct unwind_mapping *mapping;
	__u32 rule;

	if (walk->generation && remembered->ip == ip)
		return remembered->rule;
	mapping = bpf_map_lookup_elem(&unwind_mappings, &walk->mapping);
	if (!mapping || ip < mapping->start || ip >= mapping->end) {
		walk->mapping = find_mapping(ip, walk->first_mapping, walk->mapping_count);
		mapping = bpf_map_lookup_elem(&unwind_mappings, &walk->mapping);
		if (!mapping) {
			struct vma_search search = { .space = walk->space };

			bpf_find_vma(bpf_get_current_task_btf(), ip, look_at_vma, &search, 0);
			return search.row_count ? find_rule(ip - search.bias, search.first_row, search.row_count) : UNWIND_NONE;
		}
	}
	rule = find_rule(ip - mapping->bias, mapping->first_row, mapping->row_count);
	if (walk->generation) {
		remembered->ip = ip;
		remembered->rule = rule;
	}
	return rule;
}

static void forget_old_rules(struct thread *thread)
{
	struct walk *walk = &thread->walk;

	if (thread->rules_generation == walk->generation && thread->rules_space == walk->space)
		return;
	for (int i = 0; i < REMEMBERED_RULES; i++)
		thread->rules[i].ip = 0;
	thread->rules_generation = walk->generation;
	thread->rules_space = walk->space;
}

/* The word at a user address; 0, which is no frame, when it cannot be read. */
static __u64 read_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	return word;
}

#define NO_WINDOW (1ULL << 63)

/*
 * Two words of the user's stack; NULL when they cannot be read. What lies around them is copied with them, if it can be:
 * the window begins at the frame that is being left, whose saved registers are wanted too, and the next frames follow.
 */
static __u64 *read_pair(struct thread *thread, __u64 address)
{
	struct walk *walk = &thread->walk;
	__u64 place = address - walk->window_start;

	if (place <= (WINDOW_WORDS - 2) * 8)
		return (void *)thread->window + (__u32)place;
	walk->window_start = walk->sp - 8;
	place = address - walk->window_start;
	if (place > (WINDOW_WORDS - 2) * 8) {
		walk->window_start = address;
		place = 0;
	}
	if (walk->no_window || bpf_probe_read_user(thread->window, sizeof(thread->window), (void *)walk->window_start)) {
		/* The stack ends before the window does. That costs a fault: it is not tried again. */
		walk->no_window = true;
		walk->window_start = NO_WINDOW;
		place = 0;
		if (bpf_probe_read_user(thread->window, 16, (void *)address))
			return NULL;
	}
	return (void *)thread->window + (__u32)place;
}

/* Registers in the frame that the kernel pushes for a signal: ucontext, then sigcontext (asm/sigcontext.h). */
static bool leave_signal_frame(struct walk *walk)
{
	__u64 base = walk->sp + 40;

	if (bpf_probe_read_user(&walk->fp, 8, (void *)(base + 10 * 8)) ||
	    bpf_probe_read_user(&walk->ip, 8, (void *)(base + 16 * 8)) ||
	    bpf_probe_read_user(&walk->sp, 8, (void *)(base + 15 * 8)))
		return false;
	walk->exact_ip = true;
	walk->fp_lost = false;
	if (!walk->in_handler)
		walk->handler_depth = walk->depth;
	walk->in_handler = true;
	return true;
}

/*
 * Code without a rule: generated at run time, or in a file that could not be read. It may keep frame pointers; a step
 * by them is taken only if it leads up the stack, to behind a call, and the stack is marked.
 */
static bool step_by_frame_pointer(struct walk *walk, __u64 *cfa)
{
	if (walk->fp_lost || walk->fp < walk->sp || walk->fp & 7 || !follows_call(read_word(walk->fp + 8)))
		return false;
	*cfa = walk->fp + 16;
	return true;
}

/*
 * Was the watched call interrupted when it had returned, but its return was not seen yet? It is then in the code that the
 * kernel makes functions return to, which has no rules, and pushes three registers (arch/x86/kernel/uprobes.c).
 */
static bool is_returning(struct thread *thread)
{
	struct walk *walk = &thread->walk;

	return walk->sp <= walk->watched && walk->watched - walk->sp <= 24 && rule_at(thread, walk->ip) == UNWIND_NONE;
}

static bool restore_fp(struct thread *thread, __s8 saved_fp, __u64 cfa)
{
	struct walk *walk = &thread->walk;
	/* A function that realigns its stack pushes the caller's rbp where its own then points to. */
	__u64 place = saved_fp == UNWIND_RBP_AT_RBP ? walk->fp : cfa + (__s64)saved_fp * 8;
	__u64 *words;

	if (saved_fp != UNWIND_RBP_AT_RBP)
		walk->fp_lost = false;
	words = walk->fp_lost ? NULL : read_pair(thread, place);
	if (!words)
		return false;
	walk->fp = words[0];
	return true;
}

/* From a frame to its caller. Returns 1 when the stack has ended, walk->end saying why. */
static long next_frame(__u32 index, struct thread **context)
{
	struct thread *thread = *context;
	struct walk *walk = &thread->walk;
	__u64 ip = walk->exact_ip ? walk->ip : walk->ip - 1;
	__u32 rule = rule_at(thread, ip);
	__s64 offset = (__s64)((__s32)rule >> 16) * 8;
	__s8 saved_fp = rule >> 8; /* in units of 8 bytes from the CFA when negative */
	__u64 *pair; /* saved rbp, return address: next to each other in most frames */
	__u64 return_address;
	__u64 cfa;
	__u32 depth;

	switch (rule & 0xff) {
	case UNWIND_END:
		walk->end = STACK_ENDED;
		return 1;
	case UNWIND_RSP:
		cfa = walk->sp + offset;
		break;
	case UNWIND_RBP:
		if (walk->fp_lost) {
			walk->end = STACK_NO_RULE;
			return 1;
		}
		cfa = walk->fp + offset;
		break;
	case UNWIND_PLT:
		cfa = walk->sp + 8 + (((ip & 15) >= 11) << 3);
		break;
	case UNWIND_SIGNAL:
		if (!leave_signal_frame(walk)) {
			walk->end = STACK_UNREADABLE;
			return 1;
		}
		if (is_returning(thread)) {
			walk->met_watched = true;
			walk->ip = walk->watched_return;
			walk->sp = walk->watched;
			walk->exact_ip = false;
		}
		goto found;
	case UNWIND_RBP_DEREF:
		cfa = walk->fp_lost ? 0 : read_word(walk->fp + offset);
		break;
	case UNWIND_RSP_DEREF:
		cfa = read_word(walk->sp + offset);
		break;
	default:
		if (!step_by_frame_pointer(walk, &cfa)) {
			walk->end = STACK_NO_RULE;
			return 1;
		}
		saved_fp = -2;
		if (walk->verified > walk->depth)
			walk->verified = walk->depth;
	}
	if (cfa == walk->watched) {
		walk->met_watched = true;
		if (!walk->in_handler)
			return 1;
	}
	/* Stacks grow down: the caller's frame lies above. */
	if (cfa <= walk->sp || cfa & 7) {
		walk->end = STACK_BAD_FRAME;
		return 1;
	}
	pair = read_pair(thread, cfa - 16);
	if (!pair) {
		walk->end = STACK_UNREADABLE;
		return 1;
	}
	return_address = pair[1]; /* restoring rbp may move the window */
	if (saved_fp == -2) {
		walk->fp = pair[0];
		walk->fp_lost = false;
	} else if (saved_fp == UNWIND_RBP_LOST) {
		walk->fp_lost = true;
	} else if (saved_fp != 0 && !restore_fp(thread, saved_fp, cfa)) {
		walk->end = STACK_UNREADABLE;
		return 1;
	}
	walk->ip = cfa == walk->watched ? walk->watched_return : return_address;
	walk->sp = cfa;
	walk->exact_ip = false;
found:
	if (walk->ip == 0) {
		walk->end = STACK_ENDED;
		return 1;
	}
	depth = walk->depth;
	if (depth >= MAX_FRAMES) {
		walk->end = STACK_TOO_DEEP;
		return 1;
	}
	thread->stack.addresses[depth & MAX_FRAMES] = walk->ip;
	walk->depth = depth + 1;
	walk->id = mix(walk->id, walk->ip);
	return 0;
}

/* Walks by unwind tables. Needs Linux 5.17. */
__noinline int walk_by_tables(__u64 ip, __u64 sp, __u64 fp, __u32 space, __u32 class)
{
	__u32 slot = space & 0xffff;
	struct unwind_state *state = bpf_map_lookup_elem(&unwind_state, &slot);
	struct thread *thread = current_thread();

	if (!thread)
		return 0;
	thread->walk.first_mapping = 0;
	thread->walk.mapping_count = 0;
	thread->walk.generation = 0;
	if (state && state->space == space) {
		/* Before the list: at worst, what is found in the new list is taken for the old one's, and soon forgotten. */
		thread->walk.generation = *(volatile __u32 *)&state->generation;
		thread->walk.first_mapping = state->first_mapping;
		thread->walk.mapping_count = state->mapping_count;
	}
	begin_walk(thread, ip, sp, fp, space, class);
	thread->walk.window_start = NO_WINDOW;
	thread->walk.no_window = false;
	forget_old_rules(thread);
	if (thread->walk.depth)
		bpf_loop(MAX_FRAMES, next_frame, &thread, 0);
	end_walk(thread);
	return 0;
}

#endif
