/**
 * What a call frame program has said so far: one row of the table of DWARF 5 §6.4.1, with the columns that matter.
 *
 * Those are the CFA, rbp and the return address. Each is kept as a small integer from the start, so that a row turns
 * into a rule with a few shifts. Most of what DWARF can say fits; what does not is remembered as such, and the rule
 * is "none" with a reason.
 */

import type { Cursor } from "../base/cursor.ts";
import {
  DW_OP_AND,
  DW_OP_BREG0,
  DW_OP_DEREF,
  DW_OP_GE,
  DW_OP_LIT0,
  DW_OP_PLUS,
  DW_OP_SHL,
  RBP,
  RETURN_ADDRESS,
  RSP,
  SIGNAL_RSP,
} from "./constants.ts";
import {
  KIND_END,
  KIND_PLT,
  KIND_RBP,
  KIND_RBP_DEREF,
  KIND_RSP,
  KIND_RSP_DEREF,
  KIND_SIGNAL,
  packRule,
  RBP_AT_RBP,
  RBP_LOST,
  RBP_SAME,
} from "./rule.ts";

// Ways to find the CFA that no kind of rule stands for.
const CFA_UNSET = -1;
const CFA_OTHER_REGISTER = -2;
const CFA_OTHER_EXPRESSION = -3;

// Where the return address is.
const RETURN_ELSEWHERE = 0;
const RETURN_UNDEFINED = 1;
const RETURN_AT_CFA_MINUS_8 = 2;

export class FrameRow {
  /** `KIND_*` or `CFA_*` */
  private cfa = CFA_UNSET;
  /** In bytes: of the register, or of what an expression dereferences. */
  private offset = 0;
  /** As in a rule. */
  private rbp = RBP_SAME;
  private returnAddress = RETURN_ELSEWHERE;

  copy(row: FrameRow): void {
    this.cfa = row.cfa;
    this.offset = row.offset;
    this.rbp = row.rbp;
    this.returnAddress = row.returnAddress;
  }

  /** CFA = register + offset, in bytes. */
  defineCfa(register: number, offset: number): void {
    this.cfa = register === RSP ? KIND_RSP : register === RBP ? KIND_RBP : CFA_OTHER_REGISTER;
    this.offset = offset;
  }

  /** @returns false when the CFA is not given by a register, so that there is none to be replaced. */
  changeCfaRegister(register: number): boolean {
    if (!this.hasCfaRegister()) return false;
    this.defineCfa(register, this.offset);
    return true;
  }

  /** @returns false when the CFA is not given by a register, so that there is no offset to be replaced. */
  changeCfaOffset(offset: number): boolean {
    if (!this.hasCfaRegister()) return false;
    this.offset = offset;
    return true;
  }

  private hasCfaRegister(): boolean {
    return this.cfa === KIND_RSP || this.cfa === KIND_RBP || this.cfa === CFA_OTHER_REGISTER;
  }

  /** The CFA is what the expression of `length` bytes at the cursor computes. */
  defineCfaExpression(cursor: Cursor, length: number): void {
    const end = cursor.position + length;
    this.cfa = CFA_OTHER_EXPRESSION;
    if (isPltExpression(cursor.bytes, cursor.position, length)) {
      this.cfa = KIND_PLT;
      this.offset = 0;
    } else if (length >= 3) {
      const operation = cursor.u8();
      const offset = cursor.sleb();
      if (cursor.position === end - 1 && cursor.u8() === DW_OP_DEREF) {
        if (operation === DW_OP_BREG0 + RSP) this.cfa = KIND_RSP_DEREF;
        if (operation === DW_OP_BREG0 + RBP) this.cfa = KIND_RBP_DEREF;
        this.offset = offset;
      }
    }
    cursor.seek(end);
  }

  /** The caller's value of the register is at CFA + offset, in bytes. */
  savedAt(register: number, offset: number): void {
    if (register === RBP) this.rbp = offset % 8 === 0 && offset < 0 && offset >= -1024 ? offset / 8 : RBP_LOST;
    if (register === RETURN_ADDRESS) this.returnAddress = offset === -8 ? RETURN_AT_CFA_MINUS_8 : RETURN_ELSEWHERE;
  }

  /** The caller's value of the register is at the address that the expression of `length` bytes at the cursor computes. */
  savedAtExpression(register: number, cursor: Cursor, length: number): void {
    const operations = cursor.view(length);
    this.savedElsewhere(register);
    if (register === RBP && length === 2 && operations[0] === DW_OP_BREG0 + RBP && operations[1] === 0)
      this.rbp = RBP_AT_RBP;
  }

  /** The caller's value of the register is to be had in a way that no rule stands for. */
  savedElsewhere(register: number): void {
    if (register === RBP) this.rbp = RBP_LOST;
    if (register === RETURN_ADDRESS) this.returnAddress = RETURN_ELSEWHERE;
  }

  undefine(register: number): void {
    if (register === RBP) this.rbp = RBP_LOST;
    if (register === RETURN_ADDRESS) this.returnAddress = RETURN_UNDEFINED;
  }

  keep(register: number): void {
    if (register === RBP) this.rbp = RBP_SAME;
    if (register === RETURN_ADDRESS) this.returnAddress = RETURN_ELSEWHERE;
  }

  /** The rule of this register is again that of another row. */
  restore(register: number, row: FrameRow): void {
    if (register === RBP) this.rbp = row.rbp;
    if (register === RETURN_ADDRESS) this.returnAddress = row.returnAddress;
  }

  /** The row as a packed rule, or the reason why none stands for it. */
  rule(isSignal: boolean): number | string {
    const { cfa, offset } = this;
    if (this.returnAddress === RETURN_UNDEFINED) return packRule(KIND_END, 0, 0);
    // The trampoline's row says where each register is. Where rsp is tells that the signal frame is the kernel's.
    if (isSignal && cfa === KIND_RSP_DEREF && offset === SIGNAL_RSP) return packRule(KIND_SIGNAL, 0, 0);
    if (isSignal) return "signal frame of another layout";
    if (cfa === CFA_OTHER_REGISTER) return "CFA by another register";
    if (cfa === CFA_OTHER_EXPRESSION) return "CFA by another expression";
    if (cfa === CFA_UNSET) return "CFA not defined";
    if (this.returnAddress !== RETURN_AT_CFA_MINUS_8) return "return address elsewhere";
    const words = offset / 8;
    if ((words << 16) >> 16 !== words) return "CFA offset does not fit";
    return packRule(cfa, this.rbp, words);
  }
}

/** CFA = rsp + 8 + (((rip & 15) >= 11) << 3), as GNU linkers write it for .plt. */
const PLT_EXPRESSION = [
  ...[DW_OP_BREG0 + RSP, 8, DW_OP_BREG0 + RETURN_ADDRESS, 0],
  ...[DW_OP_LIT0 + 15, DW_OP_AND, DW_OP_LIT0 + 11, DW_OP_GE],
  ...[DW_OP_LIT0 + 3, DW_OP_SHL, DW_OP_PLUS],
];

function isPltExpression(bytes: Uint8Array, at: number, length: number): boolean {
  return length === PLT_EXPRESSION.length && PLT_EXPRESSION.every((byte, i) => bytes[at + i] === byte);
}
