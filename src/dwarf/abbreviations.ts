/**
 * Abbreviation tables (DWARF 5 §7.5.3), compiled: which attributes a DIE has, in which forms, and how it is passed.
 *
 * A table is compiled in one go, as far as it is sound (assembly/abbreviations.ts): what is damaged behind that is an
 * error only for whoever asks for it. All of it is one array, whose layout is in abbreviation-layout.ts. A plan depends on the
 * sizes of addresses and offsets, so a table belongs to units of one shape.
 */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { aligned, roomFor } from "../base/wasm.ts";
import * as layout from "./abbreviation-layout.ts";
import * as dw from "./constants.ts";
import { MAX_ABBREVIATION_ATTRIBUTES, MAX_ABBREVIATIONS } from "./limits.ts";
import { type Scanner, takeScanner } from "./scanner.ts";
import type { SectionCursor } from "./section-cursor.ts";
import type { UnitShape } from "./unit-header.ts";

/** Bytes of the section that are compiled at first; most tables are not longer. */
const WINDOW = 4096;
const MAX_WINDOW = 1 << 24;
/** Bytes of a declaration, of nearly all. */
const ONE_DECLARATION = 256;

let compiler: Scanner | undefined;

export class AbbreviationTable {
  /** See abbreviation-layout.ts. */
  words: Int32Array = new Int32Array(0);
  private records = layout.HEAD_WORDS;
  private attributes = 0;
  private codeList = 0;
  private codes = 0;
  private source!: ByteSource;
  private offset = 0;
  /** By code, where codes are too large for a list. */
  private rare: Map<number, number> | undefined;

  /**
   * @param section .debug_abbrev, at the beginning of the table.
   * @param wanted declarations to be read, at most.
   */
  constructor(section: SectionCursor, shape: UnitShape, wanted = MAX_ABBREVIATIONS) {
    this.read(section, shape, wanted);
  }

  /** Becomes another table: a batch reads one for each unit, and never an earlier one again. */
  read(section: SectionCursor, shape: UnitShape, wanted = MAX_ABBREVIATIONS): void {
    this.source = section.source;
    this.offset = section.offset;
    this.rare = undefined;
    compiler ??= takeScanner();
    const { code, firstFree } = compiler;
    for (let window = wanted === 1 ? ONE_DECLARATION : WINDOW; ; window *= 4) {
      const cursor = section.need(Math.min(window, MAX_WINDOW));
      const bytes = cursor.bytes.subarray(cursor.position, Math.min(cursor.end, cursor.position + window));
      const from = firstFree + aligned(code.abbreviationRoom(bytes.length));
      if (!compiler.reserve(from + roomFor(bytes.length))) throw this.tooMany(MAX_WINDOW, "bytes");
      compiler.put(bytes, from);
      const { addressSize, offsetSize, refAddrSize } = shape;
      code.compileAbbreviations(from, from + bytes.length, firstFree, wanted, addressSize, offsetSize, refAddrSize);
      const head = firstFree / 4;
      const { words } = compiler;
      const isCut = words[head + layout.ENDED] === layout.ENDED_EARLY;
      if (isCut && bytes.length === window && window < MAX_WINDOW) continue;
      this.take(words.subarray(head, head + words[head + layout.WORDS]));
      return;
    }
  }

  private take(compiled: Int32Array): void {
    if (compiled.length > this.words.length) this.words = compiled.slice();
    else this.words.set(compiled);
    const { words } = this;
    this.attributes = words[layout.ATTRIBUTES];
    this.codeList = words[layout.CODE_LIST];
    this.codes = words[layout.CODES];
  }

  /**
   * The index of the abbreviation with this code.
   *
   * @throws MalformedError when the table has no such code, or is damaged before it.
   */
  find(code: number): number {
    const index = code < this.codes ? this.words[this.codeList + code] : -1;
    return index >= 0 ? index : this.findRare(code);
  }

  /** Where the part of the table that was read ends in its section. */
  get endOffset(): number {
    return this.offset + this.words[layout.BYTES];
  }

  /** Declarations that were read. */
  get length(): number {
    return this.words[layout.COUNT];
  }

  /** Words that count, of `words`. */
  get size(): number {
    return this.words[layout.WORDS];
  }

  tag(index: number): number {
    return this.word(index, layout.TAG) >>> 0;
  }

  hasChildren(index: number): boolean {
    return (this.word(index, layout.FLAGS) & layout.HAS_CHILDREN) !== 0;
  }

  /** Whether DIEs of this abbreviation state an address range: DW_AT_low_pc or DW_AT_ranges. */
  hasCode(index: number): boolean {
    return (this.word(index, layout.FLAGS) & layout.HAS_CODE) !== 0;
  }

  /** Where in `words` the record of an abbreviation is. */
  record(index: number): number {
    return this.records + index * layout.RECORD_WORDS;
  }

  /** Where in `words` the first of the abbreviation's steps is; those of `index + 1` begin where they end. */
  firstStep(index: number): number {
    return this.words[layout.STEPS] + this.word(index, layout.FIRST_STEP);
  }

  /** The first of the abbreviation's attributes; those of `index + 1` begin where they end. */
  firstAttribute(index: number): number {
    return this.word(index, layout.FIRST_ATTRIBUTE);
  }

  /** The end of the abbreviation's attributes that say what a function is called or where a call stands. */
  namedEnd(index: number): number {
    return this.word(index, layout.NAMED_END);
  }

  attributeName(attribute: number): number {
    return this.words[this.attributes + attribute * layout.ATTRIBUTE_WORDS + layout.NAME] >>> 0;
  }

  attributeForm(attribute: number): number {
    return this.words[this.attributes + attribute * layout.ATTRIBUTE_WORDS + layout.FORM_OF] >>> 0;
  }

  /** The value of an attribute whose form is DW_FORM_implicit_const. */
  implicitConst(attribute: number): number {
    const at = this.attributes + attribute * layout.ATTRIBUTE_WORDS + layout.VALUE;
    return this.words[at + 1] * 4294967296 + (this.words[at] >>> 0);
  }

  private word(index: number, word: number): number {
    return this.words[this.records + index * layout.RECORD_WORDS + word];
  }

  private findRare(code: number): number {
    if (this.codes === 0) {
      this.rare ??= this.listCodes();
      const index = this.rare.get(code);
      if (index !== undefined) return index;
    }
    throw this.reasonWithout(code);
  }

  private listCodes(): Map<number, number> {
    const list = new Map<number, number>();
    for (let index = this.length - 1; index >= 0; index--) list.set(this.word(index, layout.CODE) >>> 0, index);
    return list;
  }

  /** Why there is no such code. */
  private reasonWithout(code: number): LeaklineError {
    switch (this.words[layout.ENDED]) {
      case layout.ENDED_FULL:
        return this.tooMany(MAX_ABBREVIATIONS, "declarations");
      case layout.ENDED_ATTRIBUTES:
        return this.tooMany(MAX_ABBREVIATION_ATTRIBUTES, "attributes");
      case layout.ENDED_FORM:
        return this.malformed(`unknown form 0x${(this.words[layout.FORM] >>> 0).toString(16)}`);
      case layout.ENDED_LEB:
        return this.malformed("LEB128 longer than 64 bits");
      case layout.ENDED_EARLY:
        // A table may end with its section, but not in the middle of a declaration.
        if (this.endOffset < this.source.size) return this.malformed("declaration runs off the section");
    }
    return this.malformed(`no abbreviation has code ${code}`);
  }

  private tooMany(limit: number, what: string): LeaklineError {
    return new LeaklineError("limit", `${this.source.name}: abbreviation table of more than ${limit} ${what}`);
  }

  private malformed(what: string): MalformedError {
    return new MalformedError(this.source.name, "section", this.endOffset, what);
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
