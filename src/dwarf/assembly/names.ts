/**
 * What functions and inlined calls are called, and where such a call stands in the source (DWARF 5 §3.3): as
 * ../batch/name-reader.ts finds it, of DIEs whose names are all in .debug_str and whose declarations are in the same unit.
 */

import * as to from "../abbreviation-layout.ts";
import { CALL_COLUMN, CALL_FILE, CALL_LINE, LINKAGE_NAME, NAME, UNREAD } from "../batch/name-records.ts";
import * as dw from "../constants.ts";
import { MAX_ORIGINS } from "../limits.ts";
import { ATTRIBUTE_BYTES, wordAt } from "./abbreviations.ts";
import * as bytes from "./bytes.ts";
import * as dies from "./dies.ts";
import * as forms from "./forms.ts";

// What is known so far, as in a record.
let linkageName: f64 = -1;
let name: f64 = -1;
let callFile: f64 = -1;
let callLine: f64 = -1;
let callColumn: f64 = -1;
/** Whether all that was met so far is read here. */
let isHere: bool = true;
/** The DIEs on the way to the declaration: each may lead to two. */
const ORIGINS: u32 = <u32>memory.data(8 * MAX_ORIGINS);
let originCount: u32 = 0;

/** Reads the names of the function or call at a DIE into a record. */
export function readNames(die: u32, record: u32): void {
  linkageName = name = callFile = callLine = callColumn = -1;
  isHere = true;
  originCount = 0;
  readDie(die);
  store<f64>(record + CALL_FILE * 8, callFile);
  store<f64>(record + CALL_LINE * 8, callLine);
  store<f64>(record + CALL_COLUMN * 8, callColumn);
  // What an origin says of calls is nothing about this one.
  for (let i: u32 = 0; isHere && i < originCount && i < <u32>MAX_ORIGINS - 1; i++) readDie(load<u32>(ORIGINS + 4 * i));
  store<f64>(record + LINKAGE_NAME * 8, isHere ? linkageName : UNREAD);
  store<f64>(record + NAME * 8, name);
}

function readDie(die: u32): void {
  isHere = false;
  if (die < dies.root || die >= dies.unitEnd - dies.unit) return;
  const record = dies.readCode(dies.unit + die);
  if (record === dies.NO_RECORD || record === dies.END_OF_LIST) return;
  isHere = true;
  let at = dies.attributesAt;
  let originForm: u32 = 0;
  let origin: u32 = 0;
  let specificationForm: u32 = 0;
  let specification: u32 = 0;
  const last = dies.behindNaming(record);
  for (let attribute = dies.firstNaming(record); attribute < last; attribute += ATTRIBUTE_BYTES) {
    const form = wordAt(attribute, to.FORM_OF);
    switch (wordAt(attribute, to.NAME)) {
      case dw.DW_AT_linkage_name:
      case dw.DW_AT_MIPS_linkage_name:
        if (linkageName < 0) linkageName = stringAt(form, at);
        break;
      case dw.DW_AT_name:
        if (name < 0) name = stringAt(form, at);
        break;
      case dw.DW_AT_call_file:
        if (callFile < 0) callFile = numberAt(attribute, form, at);
        break;
      case dw.DW_AT_call_line:
        if (callLine < 0) callLine = numberAt(attribute, form, at);
        break;
      case dw.DW_AT_call_column:
        if (callColumn < 0) callColumn = numberAt(attribute, form, at);
        break;
      case dw.DW_AT_abstract_origin:
        if (originForm === 0) {
          originForm = form;
          origin = at;
        }
        break;
      case dw.DW_AT_specification:
        if (specificationForm === 0) {
          specificationForm = form;
          specification = at;
        }
        break;
    }
    at = dies.passValue(forms.formStep(form), at);
    if (at > dies.unitEnd) isHere = false;
    if (!isHere) return;
  }
  // With both names known, the rest of the way has nothing to say.
  if (linkageName >= 0 && name >= 0) return;
  if (originForm !== 0) follow(originForm, origin);
  if (specificationForm !== 0) follow(specificationForm, specification);
}

function stringAt(form: u32, at: u32): f64 {
  const offset = forms.offsetSize === 8 ? bytes.i64At(at) : <f64>bytes.u32At(at);
  if (form !== dw.DW_FORM_strp || offset < 0) isHere = false;
  return offset;
}

function numberAt(attribute: u32, form: u32, at: u32): f64 {
  switch (form) {
    case dw.DW_FORM_data1:
      return <f64>load<u8>(at);
    case dw.DW_FORM_data2:
      return <f64>bytes.u16At(at);
    case dw.DW_FORM_data4:
      return <f64>bytes.u32At(at);
    case dw.DW_FORM_udata:
      bytes.seek(at);
      return <f64>bytes.uleb();
    case dw.DW_FORM_implicit_const:
      return <f64>load<i64>(attribute + to.VALUE * 4);
    default:
      isHere = false;
      return -1;
  }
}

/** Notes the DIE that an attribute refers to. */
function follow(form: u32, at: u32): void {
  let die: u32 = 0;
  switch (form) {
    case dw.DW_FORM_ref1:
      die = load<u8>(at);
      break;
    case dw.DW_FORM_ref2:
      die = bytes.u16At(at);
      break;
    case dw.DW_FORM_ref4:
      die = bytes.u32At(at);
      break;
    case dw.DW_FORM_ref_udata:
      bytes.seek(at);
      die = bytes.uleb32();
      break;
  }
  // Otherwise it is in another unit, or none.
  if (die === 0) isHere = false;
  else store<u32>(ORIGINS + 4 * originCount++, die);
}
