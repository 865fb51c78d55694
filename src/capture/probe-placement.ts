/**
 * Where in a function's first instructions a probe costs least (x86-64).
 *
 * The kernel replaces the probed instruction by a breakpoint. Afterwards it either emulates that instruction, or lets
 * the process execute a copy of it and traps again, which costs about ten times as much. It emulates `push`, `nop`,
 * jumps and calls (arch/x86/kernel/uprobes.c: push_setup_xol_ops, branch_setup_xol_ops). So the probe goes to the first
 * such instruction, as long as every instruction before it leaves alone what the eBPF program looks at: the arguments,
 * the stack pointer and the frame pointer.
 *
 * This is no disassembler: an instruction that is not in the short list below ends the search, and the probe stays at
 * the function's first byte, where it is always right.
 */

import { operandLength } from "./instruction-length.ts";

/** How far from the entry a probe may be. Prologues that are worth it are shorter. */
const MAX_DISTANCE = 24;

/** Registers by their number in instructions: rcx 1, rdx 2, rsp 4, rbp 5, rsi 6, rdi 7, r8, r9. */
const LOOKED_AT = new Set([1, 2, 4, 5, 6, 7, 8, 9]);

/** An instruction that may be passed over, or the one to probe. */
type Instruction = {
  length: number;
  /** The kernel emulates it. */
  emulated: boolean;
  /** Number of the general register that it changes, or -1. */
  writes: number;
};

/**
 * @param code the function's bytes, from its entry: all of it, or as much as is known.
 * @returns distance of the probe from the entry, in bytes; 0 when no place is better.
 */
export function placeProbe(code: Uint8Array): number {
  let at = 0;
  while (at < MAX_DISTANCE) {
    const instruction = decode(code, at);
    if (!instruction) return 0;
    if (instruction.emulated) return isJumpedInto(code, at) ? 0 : at;
    if (LOOKED_AT.has(instruction.writes)) return 0;
    at += instruction.length;
  }
  return 0;
}

/** Whether the kernel emulates the instruction there. */
export function isEmulatedAt(code: Uint8Array, at: number): boolean {
  return decode(code, at)?.emulated === true;
}

/** Distance of the first instruction that the kernel emulates, whatever stands before it, up to MAX_DISTANCE. */
export function findEmulated(code: Uint8Array): number | undefined {
  for (let at = 0; at < MAX_DISTANCE; ) {
    const instruction = decode(code, at);
    if (!instruction) return undefined;
    if (instruction.emulated) return at;
    at += instruction.length;
  }
  return undefined;
}

/**
 * May a jump of this function lead behind its entry, up to the probe? Then the probe would fire again in the middle of
 * a call. Looks at every byte as if a jump began there: that finds all jumps, and some that are none.
 */
function isJumpedInto(code: Uint8Array, probe: number): boolean {
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  const hits = (target: number): boolean => target > 0 && target <= probe;
  for (let at = 0; at + 2 <= code.length; at++) {
    const opcode = code[at];
    const isShort = opcode === 0xeb || (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3);
    if (isShort && hits(at + 2 + view.getInt8(at + 1))) return true;
    const isNear = opcode === 0xe9 || (opcode >= 0x80 && opcode <= 0x8f && code[at - 1] === 0x0f);
    if (isNear && at + 5 <= code.length && hits(at + 5 + view.getInt32(at + 1, true))) return true;
  }
  return false;
}

/** Intel SDM volume 2, chapter 2: prefixes, REX, opcode, ModR/M, SIB, displacement, immediate. */
function decode(code: Uint8Array, start: number): Instruction | undefined {
  let at = start;
  if (code[at] === 0xf3 && code[at + 1] === 0x0f && code[at + 2] === 0x1e && code[at + 3] === 0xfa) {
    return { length: 4, emulated: false, writes: -1 }; // endbr64
  }
  // Segment overrides: thread-local loads.
  if (code[at] === 0x64 || code[at] === 0x65) at++;
  const hasSegment = at > start;
  const rex = (code[at] & 0xf0) === 0x40 ? code[at++] : 0;
  const opcode = code[at++];
  if (opcode === undefined) return undefined;

  const plain = !hasSegment && (rex === 0 || rex === 0x41);
  if (opcode >= 0x50 && opcode <= 0x57) return plain ? { length: at - start, emulated: true, writes: -1 } : undefined;
  if (!hasSegment && rex === 0) {
    if (opcode === 0x90) return { length: 1, emulated: true, writes: -1 };
    const isJump = opcode === 0xeb || opcode === 0xe9 || opcode === 0xe8 || (opcode >= 0x70 && opcode <= 0x7f);
    const isNearConditional = opcode === 0x0f && code[at] >= 0x80 && code[at] <= 0x8f;
    if (isJump || isNearConditional) return { length: 0, emulated: true, writes: -1 };
  }
  if (opcode >= 0xb8 && opcode <= 0xbf) {
    // mov imm, register
    return { length: at - start + (rex & 8 ? 8 : 4), emulated: false, writes: (opcode & 7) | ((rex & 1) << 3) };
  }
  const form = FORMS[opcode];
  if (!form || code[at] === undefined) return undefined;
  const modrm = code[at];
  const operation = (modrm >> 3) & 7;
  if (form.only !== undefined && form.only !== operation) return undefined;
  const isRegister = modrm >> 6 === 3;
  const reg = operation | ((rex & 4) << 1);
  const rm = (modrm & 7) | ((rex & 1) << 3);
  const writes = form.writes === "reg" ? reg : form.writes === "rm" && isRegister ? rm : -1;
  return { length: at - start + operandLength(code, at) + form.immediate, emulated: false, writes };
}

type Form = { writes: "reg" | "rm" | "none"; immediate: number; only?: number };

/** By opcode, with a ModR/M byte: which operand it changes, and how long its immediate is. `only`: the /digit allowed. */
const FORMS: { readonly [opcode: number]: Form } = {
  1: { writes: "rm", immediate: 0 }, // add
  3: { writes: "reg", immediate: 0 },
  41: { writes: "rm", immediate: 0 }, // sub
  43: { writes: "reg", immediate: 0 },
  49: { writes: "rm", immediate: 0 }, // xor
  51: { writes: "reg", immediate: 0 },
  56: { writes: "none", immediate: 0 }, // cmp
  57: { writes: "none", immediate: 0 },
  58: { writes: "none", immediate: 0 },
  59: { writes: "none", immediate: 0 },
  128: { writes: "none", immediate: 1, only: 7 }, // cmp imm8
  129: { writes: "none", immediate: 4, only: 7 }, // cmp imm32
  131: { writes: "none", immediate: 1, only: 7 },
  132: { writes: "none", immediate: 0 }, // test
  133: { writes: "none", immediate: 0 },
  137: { writes: "rm", immediate: 0 }, // mov
  139: { writes: "reg", immediate: 0 },
  141: { writes: "reg", immediate: 0 }, // lea
  246: { writes: "none", immediate: 1, only: 0 }, // test imm8
  247: { writes: "none", immediate: 4, only: 0 }, // test imm32
};
