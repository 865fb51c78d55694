/**
 * One DIE with its attributes (DWARF 5 §7.5.3-7.5.6), for the few DIEs that are looked at closely.
 *
 * A value stays a plain number with its form: what an index, offset or reference leads to is found only when somebody
 * asks (unit.ts).
 */

import type { Cursor } from "../base/cursor.ts";
import type { AbbreviationTable } from "./abbreviations.ts";
import * as dw from "./constants.ts";
import { readSized, type UnitShape } from "./unit-header.ts";

/**
 * `value` by form: an address, constant, flag, offset, index or reference as it stands; 64-bit ones signed. For a
 * string, block or 16-byte constant, the position of its first byte, counted from the unit's beginning.
 */
export type AttributeValue = {
  readonly form: number;
  readonly value: number;
  /** Where the value stands, in bytes from the unit's beginning. */
  readonly position: number;
};

export type Die = {
  /** In bytes from the unit's beginning. */
  readonly offset: number;
  readonly tag: number;
  /** By DW_AT_*; of an attribute that occurs twice, the first. */
  readonly attributes: ReadonlyMap<number, AttributeValue>;
};

/**
 * Reads the DIE at the cursor, whose position counts from the unit's beginning.
 *
 * @throws MalformedError, also when there is no DIE but a null entry.
 */
export function readDie(cursor: Cursor, shape: UnitShape, abbreviations: AbbreviationTable): Die {
  const offset = cursor.position;
  const code = cursor.uleb();
  if (code === 0) throw cursor.malformed("no DIE here, but the end of a list of children", offset);
  const index = abbreviations.find(code);
  const attributes = new Map<number, AttributeValue>();
  const end = abbreviations.firstAttribute(index + 1);
  for (let i = abbreviations.firstAttribute(index); i < end; i++) {
    const attribute = readAttribute(cursor, shape, abbreviations, i);
    const name = abbreviations.attributeName(i);
    if (!attributes.has(name)) attributes.set(name, attribute);
  }
  return { offset, tag: abbreviations.tag(index), attributes };
}

/** Reads the value of an attribute, one of those that `abbreviations.firstAttribute` counts. */
export function readAttribute(
  cursor: Cursor,
  shape: UnitShape,
  abbreviations: AbbreviationTable,
  attribute: number,
): AttributeValue {
  let form = abbreviations.attributeForm(attribute);
  if (form === dw.DW_FORM_indirect) form = readIndirectForm(cursor);
  const { position } = cursor;
  const isConst = form === dw.DW_FORM_implicit_const;
  const value = isConst ? abbreviations.implicitConst(attribute) : readForm(cursor, form, shape);
  return { form, value, position };
}

/** Reads the form that precedes a value of DW_FORM_indirect (§7.5.3). */
export function readIndirectForm(cursor: Cursor): number {
  const form = cursor.uleb();
  // The standard allows neither: one would have its value elsewhere, the other could go on for ever.
  if (form === dw.DW_FORM_indirect || form === dw.DW_FORM_implicit_const)
    throw cursor.malformed(`form 0x${form.toString(16)} behind DW_FORM_indirect`);
  return form;
}

/** Reads a value of any form but implicit_const and indirect, as AttributeValue describes it. */
export function readForm(cursor: Cursor, form: number, shape: UnitShape): number {
  switch (form) {
    case dw.DW_FORM_addr:
      return readSized(cursor, shape.addressSize);
    case dw.DW_FORM_data1:
    case dw.DW_FORM_ref1:
    case dw.DW_FORM_flag:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_addrx1:
      return cursor.u8();
    case dw.DW_FORM_data2:
    case dw.DW_FORM_ref2:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_addrx2:
      return cursor.u16();
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_addrx3:
      return cursor.u24();
    case dw.DW_FORM_data4:
    case dw.DW_FORM_ref4:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_addrx4:
    case dw.DW_FORM_ref_sup4:
      return cursor.u32();
    case dw.DW_FORM_data8:
    case dw.DW_FORM_ref8:
    case dw.DW_FORM_ref_sup8:
      return cursor.i64();
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      return readSized(cursor, shape.offsetSize);
    case dw.DW_FORM_ref_addr:
      return readSized(cursor, shape.refAddrSize);
    case dw.DW_FORM_udata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      return cursor.uleb();
    case dw.DW_FORM_sdata:
      return cursor.sleb();
    case dw.DW_FORM_flag_present:
      return 1;
    default:
      return skipBytes(cursor, form);
  }
}

/** Skips a value that is bytes and returns the position of the first. */
function skipBytes(cursor: Cursor, form: number): number {
  let length: number;
  switch (form) {
    case dw.DW_FORM_string: {
      const at = cursor.position;
      cursor.cString();
      return at;
    }
    case dw.DW_FORM_ref_sig8:
      length = 8;
      break;
    case dw.DW_FORM_data16:
      length = 16;
      break;
    case dw.DW_FORM_block1:
      length = cursor.u8();
      break;
    case dw.DW_FORM_block2:
      length = cursor.u16();
      break;
    case dw.DW_FORM_block4:
      length = cursor.u32();
      break;
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      length = cursor.uleb();
      break;
    default:
      throw cursor.malformed(`unknown form 0x${form.toString(16)}`);
  }
  const at = cursor.position;
  cursor.skip(length);
  return at;
}
