/**
 * What a batch and a lookup want of a DIE, as far as its abbreviation decides: whether a walk stops at it, and which of its
 * attributes say where its code is and what it is called.
 */

import * as dw from "./constants.ts";

// What a search does with a DIE. A leaf is passed; of a scope, its children are looked at; an item is jumped over with all
// below it; at a function with code, or whatever else is searched, it stops.
export const ROLE_LEAF = 0;
export const ROLE_SCOPE = 1;
export const ROLE_ITEM = 2;
export const ROLE_WANTED = 3;

/** What a search for inlined calls does with a DIE: it also stops at nested functions, whose calls are their own. */
export function callRole(tag: number, hasChildren: boolean): number {
  if (tag === dw.DW_TAG_inlined_subroutine || tag === dw.DW_TAG_subprogram) return ROLE_WANTED;
  if (!hasChildren) return ROLE_LEAF;
  return mayHoldCalls(tag) ? ROLE_SCOPE : ROLE_ITEM;
}

/** Whether inlined calls may stand below a DIE of this tag: blocks. Below anything else they cannot be of this function. */
function mayHoldCalls(tag: number): boolean {
  return tag === dw.DW_TAG_lexical_block || tag === dw.DW_TAG_try_block || tag === dw.DW_TAG_catch_block;
}

/**
 * Numbers that say where an abbreviation has the attributes of its code: 1 when they can be read by place, then place and
 * form of each. A place is in bytes behind the DIE's code, -1 for an attribute that is missing.
 */
export const CODE_PLACES = 9;
export const PLACE_LOW = 1;
export const PLACE_HIGH = 3;
export const PLACE_RANGES = 5;
export const PLACE_ENTRY = 7;

/** Whether NameReader looks at an attribute. */
export function isNaming(name: number): boolean {
  switch (name) {
    case dw.DW_AT_name:
    case dw.DW_AT_linkage_name:
    case dw.DW_AT_MIPS_linkage_name:
    case dw.DW_AT_abstract_origin:
    case dw.DW_AT_specification:
    case dw.DW_AT_call_file:
    case dw.DW_AT_call_line:
    case dw.DW_AT_call_column:
      return true;
    default:
      return false;
  }
}

/** Which place an attribute has; -1 for one that says nothing about code. */
export function codePlace(name: number): number {
  switch (name) {
    case dw.DW_AT_low_pc:
      return PLACE_LOW;
    case dw.DW_AT_high_pc:
      return PLACE_HIGH;
    case dw.DW_AT_ranges:
      return PLACE_RANGES;
    case dw.DW_AT_entry_pc:
      return PLACE_ENTRY;
    default:
      return -1;
  }
}

/** What a search for functions does with a DIE. */
export function functionRole(tag: number, hasChildren: boolean, hasCode: boolean): number {
  if (tag === dw.DW_TAG_subprogram && hasCode) return ROLE_WANTED;
  if (!hasChildren) return ROLE_LEAF;
  return mayHoldFunctions(tag) ? ROLE_SCOPE : ROLE_ITEM;
}

/** Whether functions commonly stand right below a DIE of this tag. */
function mayHoldFunctions(tag: number): boolean {
  switch (tag) {
    case dw.DW_TAG_compile_unit:
    case dw.DW_TAG_partial_unit:
    case dw.DW_TAG_skeleton_unit:
    case dw.DW_TAG_namespace:
    case dw.DW_TAG_module:
      return true;
    default:
      return false;
  }
}
