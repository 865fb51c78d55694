/**
 * The three kinds of address, as types that cannot be mixed up.
 *
 * A *file offset* counts bytes from the start of a file. A *virtual address* is what the linker wrote into an ELF
 * file (`p_vaddr`, `st_value`, `DW_AT_low_pc`). An *absolute address* is where a process has it. Only `normalize`
 * turns one into another.
 *
 * File offsets and virtual addresses are JavaScript numbers. A 64-bit virtual address is read as a *signed* number,
 * so that the addresses of a kernel (0xffffffff81000000 = -2130706432) stay exact and in order, and a linker's
 * tombstones are -1 and -2. What lies between 2^53 and 2^64 - 2^53 is used by no architecture and is never resolved.
 * Absolute addresses are bigint, at the edges only: one BigInt read costs about thirty plain ones.
 */

declare const kind: unique symbol;

/** Bytes from the start of a file. */
export type FileOffset = number & { readonly [kind]: "FileOffset" };
/** An address as an ELF file states it; signed, see above. */
export type VirtualAddress = number & { readonly [kind]: "VirtualAddress" };
/** An address in a process: unsigned, 64 bits. */
export type AbsoluteAddress = bigint & { readonly [kind]: "AbsoluteAddress" };

const TWO_64 = 2n ** 64n;

export function fileOffset(value: number): FileOffset {
  return value as FileOffset;
}

export function virtualAddress(value: number): VirtualAddress {
  return value as VirtualAddress;
}

export function absoluteAddress(value: bigint): AbsoluteAddress {
  return BigInt.asUintN(64, value) as AbsoluteAddress;
}

/**
 * Reads a hexadecimal address, with or without `0x`.
 *
 * @returns the unsigned 64-bit value, or undefined when the text is not one.
 */
export function parseHexAddress(text: string): bigint | undefined {
  if (!/^(0[xX])?[0-9a-fA-F]{1,16}$/.test(text)) return undefined;
  return BigInt(/^0[xX]/.test(text) ? text : `0x${text}`);
}

/** Unsigned 64 bits → the signed number that virtual addresses are kept in (exact within ±2^53). */
export function toSignedNumber(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

/** A virtual address, file offset or absolute address in hexadecimal, without `0x`, padded with zeros to `width`. */
export function hex(value: number | bigint, width = 1): string {
  const unsigned = typeof value === "bigint" ? BigInt.asUintN(64, value) : value < 0 ? BigInt(value) + TWO_64 : value;
  return unsigned.toString(16).padStart(width, "0");
}
