/**
 * What functions are called, as names.ts finds it, for many DIEs: by the numbers of their names, and without an object
 * for each DIE and attribute on the way.
 */

import type { Cursor } from "../../base/cursor.ts";
import { readForm, readIndirectForm } from "../attributes.ts";
import * as dw from "../constants.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { Unit } from "../unit.ts";
import * as record from "./name-records.ts";
import type { Texts } from "./texts.ts";

export class NameReader {
  /** Numbers of the names found last; -1 for none. */
  linkageName = -1;
  name = -1;
  /** Of an inlined call: where it stands in the source, as numbers of the file, line and column; -1 for none. */
  callFile = -1;
  callLine = -1;
  callColumn = -1;
  private readonly texts: Texts;
  // The DIEs on the way: the first `count` count.
  private readonly units: Unit[] = [];
  private readonly offsets: number[] = [];
  private count = 0;
  // Most DIEs on the way are in the unit at hand.
  private cursorUnit: Unit | undefined;
  private unitCursor!: Cursor;

  constructor(texts: Texts) {
    this.texts = texts;
  }

  /**
   * Reads the names of the function at a DIE: the first of each kind on the way to its declaration.
   *
   * @throws MalformedError when a DIE on the way is damaged.
   */
  read(unit: Unit, offset: number): void {
    const { units, offsets } = this;
    this.linkageName = -1;
    this.name = -1;
    this.callFile = -1;
    this.callLine = -1;
    this.callColumn = -1;
    this.count = 0;
    this.readDie(unit, offset);
    const { callFile, callLine, callColumn } = this;
    for (let i = 0; i < this.count && i < MAX_ORIGINS - 1; i++) this.readDie(units[i], offsets[i]);
    // An origin's own say nothing about this call.
    this.callFile = callFile;
    this.callLine = callLine;
    this.callColumn = callColumn;
  }

  /**
   * The same of what a search has read.
   *
   * @param number of the record, in `names`. @param offset of its DIE.
   * @throws MalformedError when it has not, and a DIE on the way is damaged.
   */
  take(unit: Unit, offset: number, names: Float64Array, number: number): void {
    const at = number * record.NAME_RECORD;
    const linkageName = names[at + record.LINKAGE_NAME];
    if (linkageName === record.UNREAD) {
      this.read(unit, offset);
      return;
    }
    const name = names[at + record.NAME];
    this.linkageName = linkageName < 0 ? -1 : this.texts.at(unit.file.require(".debug_str"), linkageName);
    this.name = name < 0 ? -1 : this.texts.at(unit.file.require(".debug_str"), name);
    this.callFile = names[at + record.CALL_FILE];
    this.callLine = names[at + record.CALL_LINE];
    this.callColumn = names[at + record.CALL_COLUMN];
  }

  private readDie(unit: Unit, offset: number): void {
    if (this.cursorUnit !== unit || offset < unit.header.rootOffset) {
      this.unitCursor = unit.cursor(offset);
      this.cursorUnit = unit;
    }
    const cursor = this.unitCursor;
    cursor.seek(offset);
    const code = cursor.uleb();
    if (code === 0) throw cursor.malformed("no DIE here, but the end of a list of children", offset);
    const { abbreviations, header } = unit;
    const index = abbreviations.find(code);
    const end = abbreviations.namedEnd(index);
    let originForm = 0;
    let origin = 0;
    let specificationForm = 0;
    let specification = 0;
    // Of an attribute that occurs twice, the first counts, even when it is no string.
    let hasLinkageName = this.linkageName >= 0;
    let hasName = this.name >= 0;
    for (let i = abbreviations.firstAttribute(index); i < end; i++) {
      let form = abbreviations.attributeForm(i);
      if (form === dw.DW_FORM_indirect) form = readIndirectForm(cursor);
      const isConst = form === dw.DW_FORM_implicit_const;
      const value = isConst ? abbreviations.implicitConst(i) : readForm(cursor, form, header);
      switch (abbreviations.attributeName(i)) {
        case dw.DW_AT_linkage_name:
        case dw.DW_AT_MIPS_linkage_name:
          if (!hasLinkageName) this.linkageName = this.text(unit, form, value, cursor);
          hasLinkageName = true;
          break;
        case dw.DW_AT_name:
          if (!hasName) this.name = this.text(unit, form, value, cursor);
          hasName = true;
          break;
        case dw.DW_AT_call_file:
          if (this.callFile < 0) this.callFile = value;
          break;
        case dw.DW_AT_call_line:
          if (this.callLine < 0) this.callLine = value;
          break;
        case dw.DW_AT_call_column:
          if (this.callColumn < 0) this.callColumn = value;
          break;
        case dw.DW_AT_abstract_origin:
          if (originForm === 0) {
            originForm = form;
            origin = value;
          }
          break;
        case dw.DW_AT_specification:
          if (specificationForm === 0) {
            specificationForm = form;
            specification = value;
          }
          break;
      }
    }
    // With both names known, the rest of the way has nothing to say.
    if (this.linkageName >= 0 && this.name >= 0) return;
    if (originForm !== 0) this.follow(unit, originForm, origin);
    if (specificationForm !== 0) this.follow(unit, specificationForm, specification);
  }

  private follow(unit: Unit, form: number, value: number): void {
    if (form === dw.DW_FORM_ref4) {
      this.note(unit, value);
      return;
    }
    const next = unit.reference({ form, value, position: 0 });
    if (!next) return;
    this.note(next.unit, next.offset);
  }

  private note(unit: Unit, offset: number): void {
    this.units[this.count] = unit;
    this.offsets[this.count++] = offset;
  }

  private text(unit: Unit, form: number, value: number, cursor: Cursor): number {
    if (form === dw.DW_FORM_strp) return this.texts.at(unit.file.require(".debug_str"), value);
    // What follows may use the cursor's unit, but not the cursor.
    const { position } = cursor;
    const text = unit.string({ form, value, position: 0 });
    cursor.position = position;
    return text === undefined ? -1 : this.texts.add(text);
  }
}
