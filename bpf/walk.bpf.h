/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Walking a user stack, from a function's entry up to where the thread began: what both ways of it share, and the way by
 * frame pointers. The way by unwind tables is in unwind.bpf.h.
 *
 * The walks are global functions: the verifier checks those once and for all arguments, others again at each call. What
 * they start from are the registers of the probed function's caller, and what they find is in the thread's state.
 */
#ifndef LEAKLINE_WALK_BPF_H
#define LEAKLINE_WALK_BPF_H

/* What the return instruction takes off the stack. */
#if defined(__TARGET_ARCH_x86)
#define RETURN_ADDRESS_SIZE 8
#else
#define RETURN_ADDRESS_SIZE 0
#endif

#define NOT_FOUND 0xffffffffU

/* One step of splitmix64: spreads every bit of a frame over the id. */
static __u64 mix(__u64 id, __u64 address)
{
	id = (id ^ address) + 0x9e3779b97f4a7c15ULL;
	id = (id ^ (id >> 30)) * 0xbf58476d1ce4e5b9ULL;
	id = (id ^ (id >> 27)) * 0x94d049bb133111ebULL;
	return id ^ (id >> 31);
}

/* The return address of the function whose first instructions are being executed; 0 when it cannot be read. */
static __u64 return_address(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_arm64)
	return PT_REGS_RET(regs); /* the link register */
#else
	__u64 address = 0;

	bpf_probe_read_user(&address, sizeof(address), (void *)PT_REGS_SP(regs));
	return address;
#endif
}

#if defined(__TARGET_ARCH_x86)
/*
 * Does a call end at this address? Only such an address can be a return address. e8 and 32 bits, or ff with 2 in the
 * middle of ModR/M and any operand (Intel SDM volume 2, "CALL"); src/unwind/call-site.ts says the same at more length.
 */
static __noinline bool follows_call(__u64 address)
{
	__u8 code[7]; /* as long as a call can be, prefixes left out */

	if (bpf_probe_read_user(code, sizeof(code), (void *)(address - sizeof(code))))
		return false;
	if (code[2] == 0xe8)
		return true;
	/* Two bytes: mod is 3, or 0 with neither an SIB byte (r/m 4) nor a displacement (r/m 5). */
	if (code[5] == 0xff && ((code[6] & 0xf8) == 0xd0 || ((code[6] & 0xf8) == 0x10 && (code[6] & 6) != 4)))
		return true;
	/* Three: SIB, or a displacement of one byte. */
	if (code[4] == 0xff && (code[5] == 0x14 ? (code[6] & 7) != 5 : (code[5] & 0xf8) == 0x50 && code[5] != 0x54))
		return true;
	/* Four: both. Six and seven: a displacement of four bytes, without and with SIB. */
	if (code[3] == 0xff && code[4] == 0x54)
		return true;
	if (code[1] == 0xff && (code[2] == 0x15 || ((code[2] & 0xf8) == 0x90 && code[2] != 0x94)))
		return true;
	return code[0] == 0xff && (code[1] == 0x94 || (code[1] == 0x14 && (code[2] & 7) == 5));
}
#else
/* arm64: is the instruction before it BL, or of the BLR family? */
static __noinline bool follows_call(__u64 address)
{
	__u32 code;

	if (bpf_probe_read_user(&code, sizeof(code), (void *)(address - sizeof(code))))
		return false;
	return code >> 26 == 0x25 || (code & 0xfffffc1f) == 0xd63f0000 || (code & 0xfefff800) == 0xd63f0800;
}
#endif

static void begin_walk(struct thread *thread, __u64 ip, __u64 sp, __u64 fp, __u32 space, __u32 class)
{
	struct walk *walk = &thread->walk;

	thread->stack.class = class;
	thread->stack.space = space;
	walk->sp = sp;
	walk->fp = fp;
	walk->id = mix((__u64)space << 32 | class, 0);
	walk->space = space;
	walk->depth = 0;
	walk->exact_ip = false;
	walk->fp_lost = false;
	walk->in_handler = false;
	walk->met_watched = false;
	walk->end = STACK_UNREADABLE;
	walk->mapping = NOT_FOUND;
	walk->verified = MAX_FRAMES;
	walk->ip = ip;
	if (walk->ip) {
		thread->stack.addresses[0] = walk->ip;
		walk->id = mix(walk->id, walk->ip);
		walk->depth = 1;
		walk->end = STACK_TOO_DEEP;
	}
}

/* Leaves the stack in thread->stack, and its id in thread->walk.id. */
static void end_walk(struct thread *thread)
{
	struct walk *walk = &thread->walk;
	struct stack *stack = &thread->stack;

	stack->depth = walk->depth;
	stack->end = walk->end;
	stack->verified = walk->verified < walk->depth ? walk->verified : walk->depth;
	walk->id = mix(walk->id, walk->depth);
}

/*
 * Follows the chain of frame pointers. The first frame is the return address, where the ABI puts it. A chain that does
 * not grow, is not aligned or cannot be read ends the walk. Where one function keeps no frame pointer, its caller is
 * skipped without a trace: so only the first frame is certain.
 */
__noinline int walk_by_frame_pointers(__u64 ip, __u64 sp, __u64 fp, __u32 space, __u32 class)
{
	struct thread *thread = current_thread();
	struct walk *walk;
	__u64 frame[2]; /* caller's frame pointer, return address */

	if (!thread)
		return 0;
	walk = &thread->walk;
	begin_walk(thread, ip, sp, fp, space, class);
	walk->verified = 1;
	for (int i = 1; i < MAX_FRAMES && walk->depth; i++) {
		walk->end = STACK_ENDED;
		if (walk->fp == 0)
			break;
		if (walk->fp & 7 || walk->fp < walk->sp) {
			walk->end = STACK_BAD_FRAME_POINTER;
			break;
		}
		if (bpf_probe_read_user(frame, sizeof(frame), (void *)walk->fp)) {
			walk->end = STACK_UNREADABLE;
			break;
		}
		if (frame[1] == 0)
			break;
		thread->stack.addresses[i] = frame[1];
		walk->id = mix(walk->id, frame[1]);
		walk->depth = i + 1;
		walk->sp = walk->fp + 16;
		if (walk->sp == walk->watched)
			walk->met_watched = true;
		if (frame[0] != 0 && frame[0] <= walk->fp) {
			walk->end = STACK_BAD_FRAME_POINTER;
			break;
		}
		walk->fp = frame[0];
		walk->end = STACK_TOO_DEEP;
	}
	end_walk(thread);
	return 0;
}

#endif
