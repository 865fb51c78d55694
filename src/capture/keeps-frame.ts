/**
 * Is a function on the stack for as long as anything runs that it calls? (x86-64)
 *
 * It is, unless it ends in a jump to another function instead of in a call and a return (a tail call): then what runs
 * next has its place on the stack, and returns to its caller. So all instructions are looked at, and whatever is not
 * understood makes the answer no.
 */

import { instructionLength, isPrefix } from "./instruction-length.ts";

/** @param code all bytes of the function, and no others. */
export function keepsFrame(code: Uint8Array): boolean {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const starts = new Set<number>();
  const targets: number[] = [];
  let runsOn = true;
  for (let at = 0; at < code.length; ) {
    const length = instructionLength(code, at);
    if (length === undefined || at + length > code.length) return false;
    starts.add(at);
    const flow = flowOf(view, at, at + length);
    if (flow === "leaves") return false;
    if (typeof flow === "number") targets.push(flow);
    runsOn = typeof flow === "number" ? !isUnconditional(code[skipPrefixes(code, at)]) : flow === "next";
    at += length;
  }
  return code.length > 0 && !runsOn && targets.every((target) => starts.has(target));
}

/** Where an instruction leads: a number is the target of a jump. */
type Flow = "next" | "ends" | "leaves" | number;

function isUnconditional(opcode: number): boolean {
  return opcode === 0xeb || opcode === 0xe9;
}

function skipPrefixes(code: Uint8Array, start: number): number {
  let at = start;
  while (isPrefix(code[at])) at++;
  return (code[at] & 0xf0) === 0x40 ? at + 1 : at; // REX
}

/** Intel SDM volume 2: Jcc, JMP, LOOP, JRCXZ, RET, CALL, UD2, HLT, and the opcode map. */
function flowOf(view: DataView, start: number, end: number): Flow {
  const code = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const at = skipPrefixes(code, start);
  const opcode = code[at];
  if (opcode === 0xeb || (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3))
    return end + view.getInt8(end - 1);
  if (opcode === 0xe9) return end + view.getInt32(end - 4, true);
  if (opcode === 0x0f && code[at + 1] >= 0x80 && code[at + 1] <= 0x8f) return end + view.getInt32(end - 4, true);
  if (opcode === 0xff) {
    // Jumps to an address in a register or in memory; jump tables too.
    const operation = (code[at + 1] >> 3) & 7;
    if (operation === 4 || operation === 5) return "leaves";
  }
  if (opcode === 0xc3 || opcode === 0xc2 || opcode === 0xf4) return "ends";
  if (opcode === 0x0f && code[at + 1] === 0x0b) return "ends";
  // The last one calls what does not return; before others it makes no difference.
  if (opcode === 0xe8) return end === code.length ? "ends" : "next";
  return "next";
}
