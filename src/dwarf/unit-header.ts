/**
 * Unit headers (DWARF 5 §7.5.1, DWARF 4 §7.5.1): in .debug_info, and in DWARF 4's .debug_types.
 */

import type { Cursor } from "../base/cursor.ts";
import * as dw from "./constants.ts";

/** What decides the size of a form: bytes in an address, in an offset, and in a DW_FORM_ref_addr. */
export type UnitShape = { readonly addressSize: number; readonly offsetSize: number; readonly refAddrSize: number };

export type UnitHeader = UnitShape & {
  /** Where the unit begins and ends in its section. */
  readonly offset: number;
  readonly end: number;
  /** The root DIE, in bytes from the unit's beginning. */
  readonly rootOffset: number;
  /** 2 to 5. */
  readonly version: number;
  /** DW_UT_*; before version 5 DW_UT_compile or, in .debug_types, DW_UT_type. */
  readonly type: number;
  readonly abbreviationOffset: number;
  /** A type unit's signature, or the id that joins a skeleton with its split unit. Unsigned 64 bits. */
  readonly signature: bigint | undefined;
  /** In a type unit: the type's DIE, in bytes from the unit's beginning. */
  readonly typeOffset: number | undefined;
};

/** A header is not longer than this. */
export const MAX_HEADER_SIZE = 40;

/** Reads an initial length (§7.4): what follows it is `length` bytes long, with offsets of `offsetSize` bytes. */
export function readInitialLength(cursor: Cursor): { length: number; offsetSize: number } {
  const length = cursor.u32();
  if (length < dw.LENGTH_RESERVED) return { length, offsetSize: 4 };
  if (length !== dw.LENGTH_64) throw cursor.malformed(`reserved initial length 0x${length.toString(16)}`);
  const long = cursor.i64();
  if (!Number.isSafeInteger(long) || long < 0) throw cursor.malformed("length of more than 2^53 bytes");
  return { length: long, offsetSize: 8 };
}

/** Reads an unsigned integer of 1, 2, 3, 4 or 8 bytes; of 8 bytes as a signed number (see base/address.ts). */
export function readSized(cursor: Cursor, size: number): number {
  switch (size) {
    case 1:
      return cursor.u8();
    case 2:
      return cursor.u16();
    case 3:
      return cursor.u24();
    case 4:
      return cursor.u32();
    case 8:
      return cursor.i64();
    default:
      throw cursor.malformed(`integer of ${size} bytes`);
  }
}

/**
 * Reads where a unit ends, and nothing else: enough to go from one unit to the next past a damaged one.
 *
 * @throws MalformedError when the unit does not lie inside its section.
 */
export function readUnitEnd(cursor: Cursor, sectionSize: number): number {
  const { length } = readInitialLength(cursor);
  const end = cursor.base + cursor.position + length;
  if (end > sectionSize) throw cursor.malformed(`unit of ${length} bytes runs off the section`);
  return end;
}

/**
 * Reads the header at the cursor.
 *
 * @param inTypes whether the section is .debug_types.
 * @throws MalformedError for a version other than 2 to 5, and whatever contradicts the format.
 */
export function readUnitHeader(cursor: Cursor, sectionSize: number, inTypes: boolean): UnitHeader {
  const start = cursor.position;
  const { length, offsetSize } = readInitialLength(cursor);
  const offset = cursor.base + start;
  const end = cursor.base + cursor.position + length;
  if (end > sectionSize) throw cursor.malformed(`unit of ${length} bytes runs off the section`);
  const version = cursor.u16();
  if (version < 2 || version > 5) throw cursor.malformed(`DWARF version ${version}`);
  let type = inTypes ? dw.DW_UT_type : dw.DW_UT_compile;
  let abbreviationOffset: number;
  let addressSize: number;
  if (version >= 5) {
    type = cursor.u8();
    if (type < dw.DW_UT_compile || type > dw.DW_UT_split_type) throw cursor.malformed(`unit type ${type}`);
    addressSize = cursor.u8();
    abbreviationOffset = readSized(cursor, offsetSize);
  } else {
    abbreviationOffset = readSized(cursor, offsetSize);
    addressSize = cursor.u8();
  }
  if (addressSize !== 4 && addressSize !== 8) throw cursor.malformed(`addresses of ${addressSize} bytes`);
  let signature: bigint | undefined;
  let typeOffset: number | undefined;
  if (type === dw.DW_UT_type || type === dw.DW_UT_split_type) {
    signature = cursor.u64big();
    typeOffset = readSized(cursor, offsetSize);
  } else if (type === dw.DW_UT_skeleton || type === dw.DW_UT_split_compile) {
    signature = cursor.u64big();
  }
  const rootOffset = cursor.position - start;
  if (offset + rootOffset > end) throw cursor.malformed("unit shorter than its header");
  const refAddrSize = version === 2 ? addressSize : offsetSize;
  return {
    offset,
    end,
    rootOffset,
    version,
    type,
    addressSize,
    offsetSize,
    refAddrSize,
    abbreviationOffset,
    signature,
    typeOffset,
  };
}

/** Names an abbreviation table: units of one shape share it. */
export function abbreviationKey({ abbreviationOffset, addressSize, offsetSize, refAddrSize }: UnitHeader): number {
  // Each size is 4 or 8: three bits.
  const shape = (addressSize >> 3) | ((offsetSize >> 3) << 1) | ((refAddrSize >> 3) << 2);
  return abbreviationOffset * 8 + shape;
}
