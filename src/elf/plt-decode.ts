/**
 * What PLT entries look like in machine code: each jumps through one word of the GOT, and the instructions say which.
 *
 * Decoding them, instead of counting entries from the start of the section, holds for every linker and every variant
 * (lazy or not, with branch protection, `.plt.sec`, `.plt.got`). All multi-byte values here are little-endian, as
 * instructions are on these machines.
 */

import { EM_386, EM_AARCH64, EM_ARM, EM_X86_64 } from "./constants.ts";

/** A stub at `offset` of the section that jumps to the address in the GOT word at virtual address `slot`. */
export type DecodedStub = { offset: number; slot: number };

/**
 * Finds the stubs in the bytes of a PLT section. The first entry of a lazy PLT, which calls the dynamic linker, may be
 * among them; no relocation belongs to its slot.
 *
 * @param address of `code[0]`.
 * @param entrySize `sh_entsize`, 0 when unknown.
 * @param got what the code of 32-bit x86 counts from: the address of `.got.plt`.
 * @returns an empty list for machines that are not known.
 */
export function decodePlt(
  machine: number,
  code: Uint8Array,
  address: number,
  entrySize: number,
  got: number,
): DecodedStub[] {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  switch (machine) {
    case EM_X86_64:
    case EM_386:
      return decodeX86(view, address, entrySize === 8 ? 8 : 16, machine === EM_X86_64, got);
    case EM_AARCH64:
      return decodeAarch64(view, address);
    case EM_ARM:
      return decodeArm(view, address);
    default:
      return [];
  }
}

/** `[endbr] [bnd] jmp *slot`, at the start of each entry. */
function decodeX86(view: DataView, address: number, entrySize: number, is64: boolean, got: number): DecodedStub[] {
  const stubs: DecodedStub[] = [];
  const endbr = is64 ? 0xfa1e0ff3 : 0xfb1e0ff3;
  const longest = 4 + 1 + 6;
  for (let offset = 0; offset + 8 <= view.byteLength; offset += entrySize) {
    let at = offset;
    if (offset + longest <= view.byteLength) {
      if (view.getUint32(at, true) === endbr) at += 4;
      if (view.getUint8(at) === 0xf2) at += 1;
    }
    const opcode = view.getUint16(at, true);
    const displacement = view.getInt32(at + 2, true);
    if (opcode === 0x25ff) {
      // jmp *disp(%rip), or with 32 bits jmp *address
      stubs.push({ offset, slot: is64 ? address + at + 6 + displacement : displacement >>> 0 });
    } else if (opcode === 0xa3ff && !is64) {
      // jmp *disp(%ebx)
      stubs.push({ offset, slot: (got + displacement) >>> 0 });
    }
  }
  return stubs;
}

/** `[bti c] adrp x16, page; ldr x17, [x16, #low]; …` */
function decodeAarch64(view: DataView, address: number): DecodedStub[] {
  const stubs: DecodedStub[] = [];
  const bti = 0xd503245f;
  for (let at = 0; at + 8 <= view.byteLength; at += 4) {
    const adrp = view.getUint32(at, true);
    const ldr = view.getUint32(at + 4, true);
    if ((adrp & 0x9f00001f) >>> 0 !== 0x90000010 || (ldr & 0xffc003ff) >>> 0 !== 0xf9400211) continue;
    // 21 bits of pages: immhi in bits 5 to 23, immlo in bits 29 and 30
    const pages = (((adrp << 8) >> 13) << 2) | ((adrp >>> 29) & 3);
    const here = address + at;
    const slot = here - (here & 0xfff) + pages * 4096 + ((ldr >>> 10) & 0xfff) * 8;
    const offset = at >= 4 && view.getUint32(at - 4, true) === bti ? at - 4 : at;
    stubs.push({ offset, slot });
  }
  return stubs;
}

/** `[bx pc; nop] add ip, pc, #a; add ip, ip, #b; … ldr pc, [ip, #c]!`: the constants add up to the slot. */
function decodeArm(view: DataView, address: number): DecodedStub[] {
  const stubs: DecodedStub[] = [];
  for (let at = 0; at + 12 <= view.byteLength; at += 4) {
    const first = view.getUint32(at, true);
    if ((first & 0xfffff000) >>> 0 !== 0xe28fc000) continue;
    // In Arm state, pc reads as two instructions further on.
    let slot = address + at + 8 + armImmediate(first);
    let next = at + 4;
    while (next + 8 <= view.byteLength && (view.getUint32(next, true) & 0xfffff000) >>> 0 === 0xe28cc000) {
      slot += armImmediate(view.getUint32(next, true));
      next += 4;
    }
    const load = view.getUint32(next, true);
    if ((load & 0xfffff000) >>> 0 !== 0xe5bcf000) continue;
    // A Thumb caller enters through `bx pc` and a filler.
    const thumb = at >= 4 && view.getUint16(at - 4, true) === 0x4778;
    stubs.push({ offset: thumb ? at - 4 : at, slot: (slot + (load & 0xfff)) >>> 0 });
  }
  return stubs;
}

/** An 8-bit constant rotated right by twice four bits. */
function armImmediate(instruction: number): number {
  const value = instruction & 0xff;
  const rotation = ((instruction >>> 8) & 0xf) * 2;
  return rotation === 0 ? value : ((value >>> rotation) | (value << (32 - rotation))) >>> 0;
}
