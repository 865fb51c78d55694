/** How long a value is by its form (DWARF 5 §7.5.6), in units of a given shape. */

import * as to from "../abbreviation-layout.ts";
import * as dw from "../constants.ts";

/** In bytes, as all of these. */
export let addressSize: i32 = 0;
export let offsetSize: i32 = 0;
let refAddrSize: i32 = 0;

export function setShape(sizeOfAddress: i32, sizeOfOffset: i32, sizeOfRefAddr: i32): void {
  addressSize = sizeOfAddress;
  offsetSize = sizeOfOffset;
  refAddrSize = sizeOfRefAddr;
}

/** In the place of a step: no form has this number. */
export const UNKNOWN: i32 = i32.MIN_VALUE;

/** How a value of this form is passed (§7.5.6). */
export function formStep(form: u32): i32 {
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
      return addressSize;
    case dw.DW_FORM_ref_addr:
      return refAddrSize;
    case dw.DW_FORM_strp:
    case dw.DW_FORM_line_strp:
    case dw.DW_FORM_strp_sup:
    case dw.DW_FORM_sec_offset:
    case dw.DW_FORM_GNU_ref_alt:
    case dw.DW_FORM_GNU_strp_alt:
      return offsetSize;
    case dw.DW_FORM_udata:
    case dw.DW_FORM_sdata:
    case dw.DW_FORM_ref_udata:
    case dw.DW_FORM_strx:
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_loclistx:
    case dw.DW_FORM_rnglistx:
    case dw.DW_FORM_GNU_addr_index:
    case dw.DW_FORM_GNU_str_index:
      return to.SKIP_LEB;
    case dw.DW_FORM_string:
      return to.SKIP_STRING;
    case dw.DW_FORM_block1:
      return to.SKIP_BLOCK1;
    case dw.DW_FORM_block2:
      return to.SKIP_BLOCK2;
    case dw.DW_FORM_block4:
      return to.SKIP_BLOCK4;
    case dw.DW_FORM_block:
    case dw.DW_FORM_exprloc:
      return to.SKIP_BLOCK;
    case dw.DW_FORM_indirect:
      return to.SKIP_INDIRECT;
    default:
      return UNKNOWN;
  }
}
