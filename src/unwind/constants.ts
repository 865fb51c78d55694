/**
 * Numbers from the specifications, each once: those of the x86-64 psABI 1.0, of DWARF 5 with the GNU additions that
 * the Linux Standard Base 5 lists ("DWARF Extensions"), and of the kernel's signal frame.
 */

// psABI figure 3.36: DWARF register numbers.
export const RBP = 6;
export const RSP = 7;
/** The column of the return address, which is no register. */
export const RETURN_ADDRESS = 16;

// DWARF 5 §7.24: call frame instructions. The first three keep an operand in their low six bits.
export const DW_CFA_ADVANCE_LOC = 0x40;
export const DW_CFA_OFFSET = 0x80;
export const DW_CFA_RESTORE = 0xc0;
export const DW_CFA_NOP = 0x00;
export const DW_CFA_SET_LOC = 0x01;
export const DW_CFA_ADVANCE_LOC1 = 0x02;
export const DW_CFA_ADVANCE_LOC2 = 0x03;
export const DW_CFA_ADVANCE_LOC4 = 0x04;
export const DW_CFA_OFFSET_EXTENDED = 0x05;
export const DW_CFA_RESTORE_EXTENDED = 0x06;
export const DW_CFA_UNDEFINED = 0x07;
export const DW_CFA_SAME_VALUE = 0x08;
export const DW_CFA_REGISTER = 0x09;
export const DW_CFA_REMEMBER_STATE = 0x0a;
export const DW_CFA_RESTORE_STATE = 0x0b;
export const DW_CFA_DEF_CFA = 0x0c;
export const DW_CFA_DEF_CFA_REGISTER = 0x0d;
export const DW_CFA_DEF_CFA_OFFSET = 0x0e;
export const DW_CFA_DEF_CFA_EXPRESSION = 0x0f;
export const DW_CFA_EXPRESSION = 0x10;
export const DW_CFA_OFFSET_EXTENDED_SF = 0x11;
export const DW_CFA_DEF_CFA_SF = 0x12;
export const DW_CFA_DEF_CFA_OFFSET_SF = 0x13;
export const DW_CFA_VAL_OFFSET = 0x14;
export const DW_CFA_VAL_OFFSET_SF = 0x15;
export const DW_CFA_VAL_EXPRESSION = 0x16;
/** SGI's, for distances beyond 32 bits; binutils reads it on every machine. */
export const DW_CFA_MIPS_ADVANCE_LOC8 = 0x1d;
export const DW_CFA_GNU_ARGS_SIZE = 0x2e;
export const DW_CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f;

// DWARF 5 §7.7.1: the operations that recognised expressions are made of.
export const DW_OP_DEREF = 0x06;
export const DW_OP_AND = 0x1a;
export const DW_OP_PLUS = 0x22;
export const DW_OP_SHL = 0x24;
export const DW_OP_GE = 0x2a;
export const DW_OP_LIT0 = 0x30;
export const DW_OP_BREG0 = 0x70;

/**
 * Where the kernel puts the interrupted code's registers, in bytes from rsp inside the trampoline that a handler
 * returns to: uc_mcontext of struct ucontext is at 40, and in it bp, sp and ip are words 10, 15 and 16
 * (arch/x86/include/uapi/asm/sigcontext.h, struct sigcontext_64).
 */
export const SIGNAL_RBP = 40 + 10 * 8;
export const SIGNAL_RSP = 40 + 15 * 8;
export const SIGNAL_RIP = 40 + 16 * 8;
