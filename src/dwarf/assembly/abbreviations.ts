/**
 * Abbreviation tables (DWARF 5 §7.5.3), compiled into plans.
 *
 * A DIE is a code and then bare attribute values; the abbreviation with that code says which attributes they are and in
 * which forms. Nearly all DIEs of a unit are only passed, so each abbreviation is compiled once: into the size of its
 * attributes where that is fixed, else into steps, each a number of bytes or a value of variable length.
 */

import * as to from "../abbreviation-layout.ts";
import * as dw from "../constants.ts";
import { MAX_ABBREVIATION_ATTRIBUTES } from "../limits.ts";
import * as bytes from "./bytes.ts";
import { formStep, setShape, UNKNOWN } from "./forms.ts";

const WORD: u32 = 4;
export const RECORD_BYTES: u32 = to.RECORD_WORDS * WORD;
export const ATTRIBUTE_BYTES: u32 = to.ATTRIBUTE_WORDS * WORD;
/** The shortest declaration: code, tag, whether it has children, and two zeros. */
const SHORTEST: u32 = 5;
/** Codes up to so many for each declaration, and this many, have a list. */
const CODES_EACH: u32 = 4;
const MORE_CODES: u32 = 1024;

let attributes: u32 = 0;
let attributeCount: u32 = 0;
let steps: u32 = 0;
let stepCount: u32 = 0;
/** The form that ended the table. */
let unknownForm: u32 = 0;

/** Bytes of memory that `compileAbbreviations` needs for a part of the section that is so long. */
export function abbreviationRoom(length: u32): u32 {
  const count = length / SHORTEST + 2;
  const perAttribute = ATTRIBUTE_BYTES + WORD;
  const codes = CODES_EACH * count + MORE_CODES;
  return to.HEAD_WORDS * WORD + count * (RECORD_BYTES + WORD) + (length / 2 + 1) * perAttribute + codes * WORD;
}

/**
 * @param from where the declarations are. @param end where the bytes that were given end.
 * @param out where the table goes. @param wanted declarations at most.
 */
export function compileAbbreviations(
  from: u32,
  end: u32,
  out: u32,
  wanted: u32,
  sizeOfAddress: i32,
  sizeOfOffset: i32,
  sizeOfRefAddr: i32,
): void {
  setShape(sizeOfAddress, sizeOfOffset, sizeOfRefAddr);
  const length = end - from;
  const records = out + to.HEAD_WORDS * WORD;
  attributes = records + (length / SHORTEST + 2) * RECORD_BYTES;
  steps = attributes + (length / 2 + 1) * ATTRIBUTE_BYTES;
  attributeCount = 0;
  stepCount = 0;
  let count: u32 = 0;
  let highest: u32 = 0;
  let ended: u32 = to.ENDED_FULL;
  bytes.seek(from);
  let at = from;
  while (count < wanted) {
    at = bytes.position;
    const record = records + count * RECORD_BYTES;
    setWord(record, to.FIRST_STEP, stepCount);
    setWord(record, to.FIRST_ATTRIBUTE, attributeCount);
    ended = to.ENDED_EARLY;
    if (at >= end) break;
    const code = bytes.uleb32();
    // What is behind the end are zeros, which end a table too.
    if (bytes.position > end) break;
    if (code === 0 && !bytes.damaged) {
      ended = to.ENDED_WHOLE;
      at = bytes.position;
      break;
    }
    ended = readDeclaration(record, end);
    if (ended !== to.ENDED_FULL) break;
    setWord(record, to.CODE, code);
    if (code > highest) highest = code;
    count++;
    at = bytes.position;
  }
  // What a declaration that could not be read left behind does not count.
  const last = records + count * RECORD_BYTES;
  if (ended === to.ENDED_FULL) {
    setWord(last, to.FIRST_STEP, stepCount);
    setWord(last, to.FIRST_ATTRIBUTE, attributeCount);
  } else {
    stepCount = wordAt(last, to.FIRST_STEP);
    attributeCount = wordAt(last, to.FIRST_ATTRIBUTE);
  }
  setWord(out, to.COUNT, count);
  setWord(out, to.BYTES, at - from);
  setWord(out, to.ENDED, ended);
  setWord(out, to.FORM, unknownForm);
  finish(out, records, count, highest);
}

/** Moves the parts together, and lists the codes. */
function finish(out: u32, records: u32, count: u32, highest: u32): void {
  let next = records + (count + 1) * RECORD_BYTES;
  memory.copy(next, attributes, attributeCount * ATTRIBUTE_BYTES);
  setWord(out, to.ATTRIBUTES, (next - out) / WORD);
  next += attributeCount * ATTRIBUTE_BYTES;
  memory.copy(next, steps, stepCount * WORD);
  setWord(out, to.STEPS, (next - out) / WORD);
  next += stepCount * WORD;
  setWord(out, to.CODE_LIST, (next - out) / WORD);
  const codes = highest < CODES_EACH * count + MORE_CODES ? highest + 1 : 0;
  setWord(out, to.CODES, codes);
  memory.fill(next, 0xff, codes * WORD);
  // The first declaration of a code wins, as for a reader that searches the table from its start.
  if (codes > 0)
    for (let i = count; i-- > 0; ) store<u32>(next + wordAt(records + i * RECORD_BYTES, to.CODE) * WORD, i);
  setWord(out, to.WORDS, (next - out) / WORD + codes);
}

/** Reads one declaration behind its code. @returns ENDED_FULL, or why it cannot be read. */
function readDeclaration(record: u32, end: u32): u32 {
  const tag = bytes.uleb32();
  const hasChildren = load<u8>(bytes.position) !== 0;
  bytes.skip(1);
  let hasCode = false;
  let fixed: i32 = 0;
  const first = attributeCount;
  for (;;) {
    const name = bytes.uleb32();
    const form = bytes.uleb32();
    const value: i64 = form === dw.DW_FORM_implicit_const ? bytes.sleb() : 0;
    if (bytes.damaged) return to.ENDED_LEB;
    if (bytes.position > end) return to.ENDED_EARLY;
    if (name === 0 && form === 0) break;
    if (name === dw.DW_AT_low_pc || name === dw.DW_AT_ranges) hasCode = true;
    if (attributeCount >= <u32>MAX_ABBREVIATION_ATTRIBUTES) return to.ENDED_ATTRIBUTES;
    const attribute = attributes + attributeCount++ * ATTRIBUTE_BYTES;
    setWord(attribute, to.NAME, name);
    setWord(attribute, to.FORM_OF, form);
    store<i64>(attribute + to.VALUE * WORD, value);
    const step = name === dw.DW_AT_sibling ? siblingStep(form) : formStep(form);
    if (step === UNKNOWN) {
      unknownForm = form;
      return to.ENDED_FORM;
    }
    if (step >= 0) fixed += step;
    else {
      if (fixed > 0) pushStep(fixed);
      fixed = 0;
      pushStep(step);
    }
  }
  if (fixed > 0) pushStep(fixed);
  setWord(record, to.TAG, tag);
  let flags: u32 = hasChildren ? to.HAS_CHILDREN : 0;
  if (hasCode) flags |= to.HAS_CODE;
  flags |= functionRole(tag, hasChildren, hasCode) << to.FUNCTION_ROLE;
  flags |= callRole(tag, hasChildren) << to.CALL_ROLE;
  setSize(record);
  setPlaces(record, first);
  if (isPlain(record)) flags |= to.PLAIN_CODE;
  setWord(record, to.FLAGS, flags);
  return to.ENDED_FULL;
}

/** Notes the size of all attributes, and the place of a sibling among them. */
function setSize(record: u32): void {
  let size: i32 = 0;
  let sibling: i32 = -1;
  for (let i = wordAt(record, to.FIRST_STEP); i < stepCount && size >= 0; i++) {
    const step: i32 = load<i32>(steps + i * WORD);
    if (step === to.SIBLING4) sibling = size;
    size = step >= 0 ? size + step : step === to.SIBLING4 ? size + 4 : -1;
  }
  setWord(record, to.SIZE, size);
  setWord(record, to.SIBLING, sibling);
}

/** Notes where the attributes that say where code is stand, of those from `first` on, and the last that is about names. */
function setPlaces(record: u32, first: u32): void {
  for (let word = to.PLACES; word < to.RECORD_WORDS; word++) setWord(record, word, -1);
  let namedEnd = first;
  let at: i32 = 0;
  let isByPlace = true;
  for (let i = first; i < attributeCount; i++) {
    const attribute = attributes + i * ATTRIBUTE_BYTES;
    const name = wordAt(attribute, to.NAME);
    const form = wordAt(attribute, to.FORM_OF);
    if (isNaming(name)) namedEnd = i + 1;
    const place = codePlace(name);
    // Of an attribute that occurs twice, the first counts.
    if (place >= 0 && <i32>wordAt(record, place) < 0) {
      // Behind a value of variable length, or with its own in the table, it has to be read with all the others.
      if (at < 0 || form === dw.DW_FORM_implicit_const || form === dw.DW_FORM_indirect) isByPlace = false;
      // No compiler counts entries in .debug_addr: whoever needs no entry would not see that there is none.
      if (place === to.PLACE_ENTRY && isAddressIndex(form)) isByPlace = false;
      setWord(record, place, at);
      setWord(record, place + 1, form);
    }
    const size = formStep(form);
    at = at < 0 || size < 0 ? -1 : at + size;
  }
  setWord(record, to.NAMED_END, namedEnd);
  if (isByPlace) setWord(record, to.PLACES, 1);
}

function isPlain(record: u32): bool {
  if (wordAt(record, to.PLACES) !== 1 || <i32>wordAt(record, to.PLACE_RANGES) >= 0) return false;
  if (<i32>wordAt(record, to.PLACE_LOW) < 0 || wordAt(record, to.PLACE_LOW + 1) !== dw.DW_FORM_addr) return false;
  if (<i32>wordAt(record, to.PLACE_HIGH) < 0) return false;
  switch (wordAt(record, to.PLACE_HIGH + 1)) {
    case dw.DW_FORM_addr:
    case dw.DW_FORM_data1:
    case dw.DW_FORM_data2:
    case dw.DW_FORM_data4:
    case dw.DW_FORM_data8:
      return true;
    default:
      return false;
  }
}

function pushStep(step: i32): void {
  store<i32>(steps + stepCount++ * WORD, step);
}

export function wordAt(at: u32, word: i32): u32 {
  return load<u32>(at + word * WORD);
}

function setWord(at: u32, word: i32, value: u32): void {
  store<u32>(at + word * WORD, value);
}

/** How a DW_AT_sibling is passed; one whose form makes it no use is an attribute like others. */
function siblingStep(form: u32): i32 {
  switch (form) {
    case dw.DW_FORM_ref1:
      return to.SIBLING1;
    case dw.DW_FORM_ref2:
      return to.SIBLING2;
    case dw.DW_FORM_ref4:
      return to.SIBLING4;
    case dw.DW_FORM_ref_udata:
      return to.SIBLING_LEB;
    default:
      return formStep(form);
  }
}

function functionRole(tag: u32, hasChildren: bool, hasCode: bool): u32 {
  if (tag === dw.DW_TAG_subprogram && hasCode) return to.ROLE_WANTED;
  if (!hasChildren) return to.ROLE_LEAF;
  switch (tag) {
    // Functions commonly stand right below these.
    case dw.DW_TAG_compile_unit:
    case dw.DW_TAG_partial_unit:
    case dw.DW_TAG_skeleton_unit:
    case dw.DW_TAG_namespace:
    case dw.DW_TAG_module:
      return to.ROLE_SCOPE;
    default:
      return to.ROLE_ITEM;
  }
}

/** Nested functions are looked at, since their calls are their own. */
function callRole(tag: u32, hasChildren: bool): u32 {
  if (tag === dw.DW_TAG_inlined_subroutine || tag === dw.DW_TAG_subprogram) return to.ROLE_WANTED;
  if (!hasChildren) return to.ROLE_LEAF;
  switch (tag) {
    // Below anything else, calls cannot be of this function.
    case dw.DW_TAG_lexical_block:
    case dw.DW_TAG_try_block:
    case dw.DW_TAG_catch_block:
      return to.ROLE_SCOPE;
    default:
      return to.ROLE_ITEM;
  }
}

/** Whether it is one of those that a reader of names looks at. */
function isNaming(name: u32): bool {
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

function isAddressIndex(form: u32): bool {
  switch (form) {
    case dw.DW_FORM_addrx:
    case dw.DW_FORM_addrx1:
    case dw.DW_FORM_addrx2:
    case dw.DW_FORM_addrx3:
    case dw.DW_FORM_addrx4:
    case dw.DW_FORM_GNU_addr_index:
      return true;
    default:
      return false;
  }
}

/** Which place an attribute has; -1 for one that says nothing about code. */
function codePlace(name: u32): i32 {
  switch (name) {
    case dw.DW_AT_low_pc:
      return to.PLACE_LOW;
    case dw.DW_AT_high_pc:
      return to.PLACE_HIGH;
    case dw.DW_AT_ranges:
      return to.PLACE_RANGES;
    case dw.DW_AT_entry_pc:
      return to.PLACE_ENTRY;
    default:
      return -1;
  }
}
