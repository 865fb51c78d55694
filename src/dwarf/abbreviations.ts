/**
 * Abbreviation tables (DWARF 5 §7.5.3), compiled into skip plans.
 *
 * A DIE is a code and then bare attribute values; the abbreviation with that code says which attributes they are and in
 * which forms. Nearly all DIEs of a unit are only skipped, so each abbreviation is compiled once into a plan: a number
 * of bytes to skip, or a step for a value of variable length. A plan also picks up DW_AT_sibling, with which a whole
 * subtree is skipped. All abbreviations of a table share a few flat arrays.
 *
 * Declarations are read only as far as they are asked for: for the root of a unit, which the index of all units wants,
 * one is usually enough. A plan depends on the sizes of addresses and offsets, so a table belongs to units of one shape.
 */

import type { ByteSource, ReadBuffer } from "../base/bytes.ts";
import { LeaklineError, type MalformedError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import { CODE_PLACES, callRole, codePlace, functionRole, isNaming } from "./die-roles.ts";
import { Int32List } from "./growable.ts";
import { MAX_ABBREVIATION_ATTRIBUTES, MAX_ABBREVIATIONS } from "./limits.ts";
import { SectionCursor } from "./section-cursor.ts";
import { formStep, SIBLING4, siblingStep, type UnitShape } from "./skip-steps.ts";

/** Bytes of the section fetched first; many tables are not longer. */
const WINDOW = 2048;

export class AbbreviationTable {
  private cursor: SectionCursor;
  private shape: UnitShape;
  private complete = false;
  /** Codes 1..dense are at the indices 0..dense-1, as nearly every compiler numbers them; `sparse` has the others. */
  dense = 0;
  private readonly sparse = new Map<number, number>();
  private readonly tags = new Int32List();
  private readonly children = new Int32List();
  private readonly code = new Int32List();
  private readonly roleList = new Int32List();
  private readonly callRoleList = new Int32List();
  private readonly sizeList = new Int32List();
  private readonly siblingList = new Int32List();
  private readonly codePlaces = new Int32List();
  private readonly namedEnds = new Int32List();
  /** Abbreviation i has the steps [stepStart[i], stepStart[i + 1]), and its attributes likewise. */
  private readonly stepStart = new Int32List();
  private readonly attributeStart = new Int32List();
  private readonly stepList = new Int32List();
  private readonly names = new Int32List();
  private readonly forms = new Int32List();
  private readonly implicitConsts = new Map<number, number>();

  /**
   * @param offset where the table starts in `source`, which is .debug_abbrev.
   * @param room where pieces of the section are put; without it, each is an array of its own.
   */
  constructor(source: ByteSource, littleEndian: boolean, offset: number, shape: UnitShape, room?: ReadBuffer) {
    this.cursor = new SectionCursor(source, littleEndian, offset, WINDOW, room);
    this.shape = shape;
    this.stepStart.push(0);
    this.attributeStart.push(0);
  }

  /** Becomes another table of the same section: a batch reads one for each unit, and never an earlier one again. */
  restart(offset: number, shape: UnitShape): void {
    this.cursor.seek(offset);
    this.shape = shape;
    this.complete = false;
    this.dense = 0;
    this.sparse.clear();
    this.implicitConsts.clear();
    for (const list of [this.tags, this.children, this.code, this.roleList, this.callRoleList]) list.length = 0;
    for (const list of [this.sizeList, this.siblingList, this.codePlaces, this.stepList]) list.length = 0;
    for (const list of [this.names, this.forms, this.namedEnds]) list.length = 0;
    for (const list of [this.stepStart, this.attributeStart]) list.length = 1;
  }

  /**
   * The index of the abbreviation with this code.
   *
   * @throws MalformedError when the table has no such code, or is damaged before it.
   */
  find(code: number): number {
    return code <= this.dense ? code - 1 : this.findSparse(code);
  }

  /** Where the part of the table that was read so far ends in its section. */
  get endOffset(): number {
    return this.cursor.offset;
  }

  /** Declarations read so far. */
  get length(): number {
    return this.tags.length;
  }

  tag(index: number): number {
    return this.tags.values[index];
  }

  hasChildren(index: number): boolean {
    return this.children.values[index] !== 0;
  }

  /** Whether DIEs of this abbreviation state an address range: DW_AT_low_pc or DW_AT_ranges. */
  hasCode(index: number): boolean {
    return this.code.values[index] !== 0;
  }

  /** All plans, one after another. To be fetched again after `find`, which may replace the array. */
  get steps(): Int32Array {
    return this.stepList.values;
  }

  /** As `firstStep`, for all abbreviations. To be fetched again likewise. */
  get firstSteps(): Int32Array {
    return this.stepStart.values;
  }

  /** By abbreviation: what a search for functions does with it. To be fetched again likewise. */
  get roles(): Int32Array {
    return this.roleList.values;
  }

  /** Likewise, what a search for the calls inlined into a function does. */
  get callRoles(): Int32Array {
    return this.callRoleList.values;
  }

  /** By abbreviation: bytes of all its attributes, or -1 when that depends on their values. To be fetched again likewise. */
  get sizes(): Int32Array {
    return this.sizeList.values;
  }

  /**
   * By abbreviation with a size: how many bytes behind the code a DW_AT_sibling of four bytes stands, or -1. To be
   * fetched again likewise.
   */
  get siblings(): Int32Array {
    return this.siblingList.values;
  }

  /** By abbreviation, `CODE_PLACES` numbers each: see CODE_PLACES. To be fetched again likewise. */
  get places(): Int32Array {
    return this.codePlaces.values;
  }

  firstStep(index: number): number {
    return this.stepStart.values[index];
  }

  /** The first of the abbreviation's attributes; those of `index + 1` begin where they end. */
  firstAttribute(index: number): number {
    return this.attributeStart.values[index];
  }

  /** The end of the abbreviation's attributes that say what a function is called or where a call stands. */
  namedEnd(index: number): number {
    return this.namedEnds.values[index];
  }

  attributeName(attribute: number): number {
    return this.names.values[attribute];
  }

  attributeForm(attribute: number): number {
    return this.forms.values[attribute];
  }

  /** The value of an attribute whose form is DW_FORM_implicit_const. */
  implicitConst(attribute: number): number {
    return this.implicitConsts.get(attribute) ?? 0;
  }

  private findSparse(code: number): number {
    const known = this.sparse.get(code);
    if (known !== undefined) return known;
    while (!this.complete) {
      const index = this.tags.length;
      if (this.readDeclaration() === code) return index;
    }
    throw this.malformed(`no abbreviation has code ${code}`);
  }

  /** Reads one declaration and compiles it. Returns its code, 0 at the end of the table. */
  private readDeclaration(): number {
    // Should this throw half-way, the table stays as it was before the declaration, and further calls throw again.
    const index = this.tags.length;
    const start = this.cursor.offset;
    this.stepList.length = this.stepStart.values[index];
    this.names.length = this.attributeStart.values[index];
    this.forms.length = this.names.length;
    try {
      return this.readDeclarationAt(index);
    } catch (error) {
      this.cursor.seek(start);
      throw error;
    }
  }

  private readDeclarationAt(index: number): number {
    // Each part is at most 30 bytes long: three LEB128 of 64 bits.
    let cursor = this.cursor.need(32);
    const code = cursor.remaining === 0 ? 0 : cursor.uleb();
    if (code === 0) {
      this.complete = true;
      return 0;
    }
    const tag = cursor.uleb();
    const hasChildren = cursor.u8();
    if (index >= MAX_ABBREVIATIONS) throw this.tooMany(MAX_ABBREVIATIONS, "declarations");
    let hasCode = 0;
    let fixed = 0;
    for (;;) {
      cursor = this.cursor.need(32);
      const name = cursor.uleb();
      const form = cursor.uleb();
      if (form === dw.DW_FORM_implicit_const) this.implicitConsts.set(this.names.length, cursor.sleb());
      if (name === 0 && form === 0) break;
      if (name === dw.DW_AT_low_pc || name === dw.DW_AT_ranges) hasCode = 1;
      if (this.names.length >= MAX_ABBREVIATION_ATTRIBUTES)
        throw this.tooMany(MAX_ABBREVIATION_ATTRIBUTES, "attributes");
      this.names.push(name);
      this.forms.push(form);
      const step = name === dw.DW_AT_sibling ? siblingStep(form) : undefined;
      const size = step ?? this.step(form);
      if (size >= 0) {
        fixed += size;
      } else {
        if (fixed > 0) this.stepList.push(fixed);
        fixed = 0;
        this.stepList.push(size);
      }
    }
    if (fixed > 0) this.stepList.push(fixed);
    this.tags.push(tag);
    this.children.push(hasChildren);
    this.code.push(hasCode);
    this.roleList.push(functionRole(tag, hasChildren !== 0, hasCode !== 0));
    this.callRoleList.push(callRole(tag, hasChildren !== 0));
    this.pushSize(this.stepStart.values[index]);
    this.pushPlaces(this.attributeStart.values[index]);
    this.stepStart.push(this.stepList.length);
    this.attributeStart.push(this.names.length);
    // The first declaration of a code wins, as for a reader that searches the table from its start.
    if (code === this.dense + 1 && index === this.dense) this.dense++;
    else if (code > this.dense && !this.sparse.has(code)) this.sparse.set(code, index);
    return code;
  }

  /** Notes the size of the attributes whose steps begin at `first`, and the place of a sibling among them. */
  private pushSize(first: number): void {
    let size = 0;
    let sibling = -1;
    for (let i = first; i < this.stepList.length && size >= 0; i++) {
      const step = this.stepList.values[i];
      if (step === SIBLING4) sibling = size;
      size = step >= 0 ? size + step : step === SIBLING4 ? size + 4 : -1;
    }
    this.sizeList.push(size);
    this.siblingList.push(sibling);
  }

  /** Notes where the attributes that say where code is stand, of those that begin at `first`: see CODE_PLACES. */
  private pushPlaces(first: number): void {
    const start = this.codePlaces.length;
    for (let i = 0; i < CODE_PLACES; i++) this.codePlaces.push(-1);
    const { values } = this.codePlaces;
    let namedEnd = first;
    for (let i = first; i < this.names.length; i++) if (isNaming(this.names.values[i])) namedEnd = i + 1;
    this.namedEnds.push(namedEnd);
    let at = 0;
    for (let i = first; i < this.names.length; i++) {
      const form = this.forms.values[i];
      const place = codePlace(this.names.values[i]);
      // Of an attribute that occurs twice, the first counts.
      if (place >= 0 && values[start + place] < 0) {
        // Behind a value of variable length, or with its own in the table, it has to be read with all the others.
        if (at < 0 || form === dw.DW_FORM_implicit_const || form === dw.DW_FORM_indirect) return;
        values[start + place] = at;
        values[start + place + 1] = form;
      }
      const size = formStep(form, this.shape) ?? -1;
      at = at < 0 || size < 0 ? -1 : at + size;
    }
    values[start] = 1;
  }

  private step(form: number): number {
    const step = formStep(form, this.shape);
    if (step === undefined) throw this.malformed(`unknown form 0x${form.toString(16)}`);
    return step;
  }

  private tooMany(limit: number, what: string): LeaklineError {
    return new LeaklineError("limit", `${this.cursor.need(0).file}: abbreviation table of more than ${limit} ${what}`);
  }

  private malformed(what: string): MalformedError {
    return this.cursor.need(0).malformed(what);
  }
}

/**
 * Where in .debug_abbrev the declaration with a code stands, of the table at `offset`; where the table ends when it has
 * none. Nothing is compiled: of the units that are only listed, the root's declaration is all that is wanted, and it may
 * stand at the table's end.
 *
 * @param section .debug_abbrev, at the beginning of the table.
 * @throws MalformedError
 */
export function findDeclaration(section: SectionCursor, code: number): number {
  for (;;) {
    const start = section.offset;
    const cursor = section.need(32);
    const found = cursor.remaining === 0 ? 0 : cursor.uleb();
    if (found === code || found === 0) return start;
    cursor.skipLeb();
    cursor.skip(1);
    for (;;) {
      const attribute = section.need(32);
      const { bytes, end } = attribute;
      let at = attribute.position;
      // Nearly all names and forms are one byte each. (DW_FORM_implicit_const has a value behind it.)
      while (at + 1 < end && bytes[at] > 0 && bytes[at] < 0x80 && bytes[at + 1] < dw.DW_FORM_implicit_const) at += 2;
      attribute.position = at;
      const rest = section.need(32);
      const name = rest.uleb();
      const form = rest.uleb();
      if (form === dw.DW_FORM_implicit_const) rest.skipLeb();
      if (name === 0 && form === 0) break;
    }
  }
}
