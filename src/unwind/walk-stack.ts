/**
 * Walks a stack by unwind tables: the plain statement of what the eBPF program does, to test it by and to explain it.
 *
 * Three registers are followed from frame to frame: rip, rsp and rbp. All frames but the innermost are looked up at
 * their return address - 1, since a call may be the last instruction of its function. Behind a signal frame, rip is
 * where the interrupted code will go on, so it is exact again.
 */

import { CALL_SIZE, endsWithCall } from "./call-site.ts";
import { SIGNAL_RBP, SIGNAL_RIP, SIGNAL_RSP } from "./constants.ts";
import {
  KIND_END,
  KIND_NONE,
  KIND_PLT,
  KIND_RBP,
  KIND_RBP_DEREF,
  KIND_RSP,
  KIND_RSP_DEREF,
  KIND_SIGNAL,
  NO_RULE,
  RBP_AT_RBP,
  RBP_SAME,
  ruleKind,
  ruleOffset,
  ruleRbp,
} from "./rule.ts";
import { lookupRule, type UnwindTable } from "./unwind-table.ts";

/** Registers of the innermost frame. */
export type Registers = { rip: bigint; rsp: bigint; rbp: bigint };

/** An executable mapping: absolute addresses [start, end). Code without a file (JIT) has no table. */
export type MappedTable = {
  start: bigint;
  end: bigint;
  /** Absolute address minus virtual address. */
  bias: bigint;
  table?: UnwindTable;
};

export type Stack = {
  /** Absolute addresses, innermost first: rip, then return addresses as they stand on the stack. */
  frames: bigint[];
  /** Why there are no more. */
  end: "outermost" | "no rule" | "rbp lost" | "bad CFA" | "unreadable" | "too deep";
};

/** As many as the eBPF program stores. */
export const MAX_FRAMES = 127;

/** @param read the 8 bytes at an absolute address, as an unsigned number; undefined when they cannot be read. */
export function walkStack(
  read: (address: bigint) => bigint | undefined,
  registers: Registers,
  mappings: readonly MappedTable[],
): Stack {
  const frames: bigint[] = [];
  let { rip, rsp } = registers;
  let rbp: bigint | undefined = registers.rbp;
  let isReturnAddress = false;
  for (;;) {
    const address = isReturnAddress ? rip - 1n : rip;
    const mapping = mappings.find(({ start, end }) => address >= start && address < end);
    if (frames.length === MAX_FRAMES) return { frames, end: "too deep" };
    frames.push(rip);
    const rule = mapping?.table ? lookupRule(mapping.table, Number(address - mapping.bias)) : NO_RULE;
    const kind = ruleKind(rule);
    if (kind === KIND_END) return { frames, end: "outermost" };

    if (kind === KIND_SIGNAL) {
      const interrupted = [SIGNAL_RIP, SIGNAL_RSP, SIGNAL_RBP].map((offset) => read(rsp + BigInt(offset)));
      if (interrupted[0] === undefined || interrupted[1] === undefined) return { frames, end: "unreadable" };
      [rip, rsp, rbp] = [interrupted[0], interrupted[1], interrupted[2]];
      isReturnAddress = false;
      continue;
    }

    const offset = BigInt(ruleOffset(rule) * 8);
    let cfa: bigint | undefined;
    if (kind === KIND_RSP) cfa = rsp + offset;
    else if (kind === KIND_PLT) cfa = rsp + ((rip & 15n) >= 11n ? 16n : 8n);
    else if (kind === KIND_RSP_DEREF) cfa = read(rsp + offset);
    else if (rbp === undefined) return { frames, end: kind === KIND_NONE ? "no rule" : "rbp lost" };
    else if (kind === KIND_RBP) cfa = rbp + offset;
    else if (kind === KIND_RBP_DEREF) cfa = read(rbp + offset);
    else cfa = rbp + 16n;

    // The stack grows down, so a caller's frame is above.
    if (cfa === undefined) return { frames, end: "unreadable" };
    if (cfa <= rsp) return { frames, end: kind === KIND_NONE ? "no rule" : "bad CFA" };
    const returnAddress = read(cfa - 8n);
    if (returnAddress === undefined) return { frames, end: kind === KIND_NONE ? "no rule" : "unreadable" };
    // A frame-pointer step that leads elsewhere than behind a call took something else for a return address.
    if (kind === KIND_NONE && !followsCall(read, returnAddress)) return { frames, end: "no rule" };
    if (returnAddress === 0n) return { frames, end: "outermost" };

    const saved = kind === KIND_NONE ? -2 : ruleRbp(rule);
    if (saved < 0) rbp = read(cfa + BigInt(saved * 8));
    else if (saved === RBP_AT_RBP && rbp !== undefined) rbp = read(rbp);
    else if (saved !== RBP_SAME) rbp = undefined;
    rip = returnAddress;
    rsp = cfa;
    isReturnAddress = true;
  }
}

function followsCall(read: (address: bigint) => bigint | undefined, address: bigint): boolean {
  const word = read(address - 8n);
  if (word === undefined) return false;
  const code = new Uint8Array(8);
  new DataView(code.buffer).setBigUint64(0, word, true);
  return endsWithCall(code.subarray(8 - CALL_SIZE), "x86_64");
}
