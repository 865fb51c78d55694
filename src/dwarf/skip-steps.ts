/** How values are passed over without being read, by their form (DWARF 5 §7.5.6). */

import * as dw from "./constants.ts";

/** What decides the size of a form: bytes in an address, in an offset, and in a DW_FORM_ref_addr. */
export type UnitShape = { readonly addressSize: number; readonly offsetSize: number; readonly refAddrSize: number };

// Steps of a plan. A step >= 0 skips that many bytes.
export const SKIP_LEB = -1;
export const SKIP_STRING = -2;
export const SKIP_BLOCK1 = -3;
export const SKIP_BLOCK2 = -4;
export const SKIP_BLOCK4 = -5;
export const SKIP_BLOCK = -6;
export const SKIP_INDIRECT = -7;
export const SIBLING1 = -8;
export const SIBLING2 = -9;
export const SIBLING4 = -10;
export const SIBLING_LEB = -11;

/** The step that skips a value of this form: its size in bytes, or a negative step; undefined for an unknown form. */
export function formStep(form: number, shape: UnitShape): number | undefined {
  switch (form) {
    case dw.DW_FORM_implicit_const:
    case dw.DW_FORM_flag_present:
      return 0;
    case dw.DW_FORM_data1:
    case dw.DW_FORM_ref1:
    case dw.DW_FORM_flag:
    case dw.DW_FORM_strx1:
    case dw.DW_FORM_addrx1:
      return 1;
    case dw.DW_FORM_data2:
    case dw.DW_FORM_ref2:
    case dw.DW_FORM_strx2:
    case dw.DW_FORM_addrx2:
      return 2;
    case dw.DW_FORM_strx3:
    case dw.DW_FORM_addrx3:
      return 3;
    case dw.DW_FORM_data4:
    case dw.DW_FORM_ref4:
    case dw.DW_FORM_strx4:
    case dw.DW_FORM_addrx4:
    case dw.DW_FORM_ref_sup4:
      return 4;
    case dw.DW_FORM_data8:
    case dw.DW_FORM_ref8:
    case dw.DW_FORM_ref_sig8:
    case dw.DW_FORM_ref_sup8:
      return 8;
    case dw.DW_FORM_data16:
      return 16;
    case dw.DW_FORM_addr:
      return shape.addressSize;
    case dw.DW_FORM_ref_addr:
      return shape.refAddrSize;
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      return shape.offsetSize;
    case dw.DW_FORM_udata:
    case dw.DW_FORM_sdata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      return SKIP_LEB;
    case dw.DW_FORM_string:
      return SKIP_STRING;
    case dw.DW_FORM_block1:
      return SKIP_BLOCK1;
    case dw.DW_FORM_block2:
      return SKIP_BLOCK2;
    case dw.DW_FORM_block4:
      return SKIP_BLOCK4;
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return SKIP_BLOCK;
    case dw.DW_FORM_indirect:
      return SKIP_INDIRECT;
    default:
      return undefined;
  }
}

/** The step for a DW_AT_sibling, or undefined when its form makes it an attribute like others: then it is not used. */
export function siblingStep(form: number): number | undefined {
  switch (form) {
    case dw.DW_FORM_ref1:
      return SIBLING1;
    case dw.DW_FORM_ref2:
      return SIBLING2;
    case dw.DW_FORM_ref4:
      return SIBLING4;
    case dw.DW_FORM_ref_udata:
      return SIBLING_LEB;
    default:
      return undefined;
  }
}
