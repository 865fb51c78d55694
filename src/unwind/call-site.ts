/**
 * Does a call end where an address points to? Only such an address can be a return address, so this tells rubbish that a
 * walk by frame pointers took for a frame: few other addresses in code pass, and what is no code hardly ever does.
 *
 * x86-64: Intel SDM volume 2, "CALL": e8 with a 32-bit distance, or ff with 2 in the middle of ModR/M and any operand.
 * Prefixes stand before those bytes and change nothing. arm64: Arm ARM C6.2, BL and the BLR family.
 * `follows_call` in bpf/walk.bpf.h says the first in C.
 */

/** So many bytes before the address tell. */
export const CALL_SIZE = 7;

/** @param code the CALL_SIZE bytes before the address. */
export function endsWithCall(code: Uint8Array, architecture: "x86_64" | "arm64"): boolean {
  if (code.length !== CALL_SIZE) return false;
  return architecture === "arm64" ? endsWithArmCall(code) : endsWithIntelCall(code);
}

function endsWithIntelCall(code: Uint8Array): boolean {
  if (code[CALL_SIZE - 5] === 0xe8) return true;
  for (let start = 0; start <= CALL_SIZE - 2; start++) {
    if (code[start] !== 0xff) continue;
    const modrm = code[start + 1];
    if (((modrm >> 3) & 7) === 2 && 1 + operandSize(modrm, code[start + 2] ?? 0) === CALL_SIZE - start) return true;
  }
  return false;
}

/** Bytes of ModR/M, SIB and displacement (SDM volume 2, table 2-2). */
function operandSize(modrm: number, sib: number): number {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  if (mod === 3) return 1;
  const sibSize = rm === 4 ? 1 : 0;
  if (mod === 1) return 2 + sibSize;
  if (mod === 2) return 5 + sibSize;
  const hasDisplacement = rm === 5 || (rm === 4 && (sib & 7) === 5);
  return 1 + sibSize + (hasDisplacement ? 4 : 0);
}

function endsWithArmCall(code: Uint8Array): boolean {
  const word = new DataView(code.buffer, code.byteOffset).getUint32(CALL_SIZE - 4, true);
  // BL; BLR; BLRAAZ, BLRABZ; BLRAA, BLRAB
  return (
    word >>> 26 === 0b100101 ||
    (word & 0xfffffc1f) >>> 0 === 0xd63f0000 ||
    (word & 0xfffff81f) >>> 0 === 0xd63f081f ||
    (word & 0xfffff800) >>> 0 === 0xd73f0800
  );
}
