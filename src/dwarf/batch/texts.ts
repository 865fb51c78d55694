/**
 * The strings that a batch refers to, each once and by number.
 *
 * Names lie scattered over a `.debug_str` of a hundred megabytes. So while units are read, only the places of names are
 * noted; at the end they are read in the order of the file, in one sweep.
 */

import { type ByteSource, decodeText, ReadBuffer } from "../../base/bytes.ts";
import { MAX_BATCH_TEXT, MAX_STRING } from "../limits.ts";

/** Bytes read at a time. */
const WINDOW = 64 * 1024;

export class Texts {
  /** By number; undefined for one that is damaged, and for all that are not read yet. */
  readonly texts: (string | undefined)[] = [];
  private readonly numbers = new Map<string, number>();
  /** By section, the numbers by offset. */
  private readonly places = new Map<ByteSource, Map<number, number>>();

  /** The number of a string that is known. */
  add(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.texts.push(text) - 1;
      this.numbers.set(text, number);
    }
    return number;
  }

  /** The number of the string at an offset of a section, which is read later. */
  at(section: ByteSource, offset: number): number {
    let places = this.places.get(section);
    if (places === undefined) {
      places = new Map();
      this.places.set(section, places);
    }
    let number = places.get(offset);
    if (number === undefined) {
      number = this.texts.push(undefined) - 1;
      places.set(offset, number);
    }
    return number;
  }

  /** Adds strings that were read elsewhere. @returns the number of the first. */
  append(texts: readonly (string | undefined)[]): number {
    const first = this.texts.length;
    for (const text of texts) this.texts.push(text);
    return first;
  }

  /** Reads all strings that were only noted. A damaged one stays undefined. */
  read(): void {
    this.numbers.clear();
    let budget = MAX_BATCH_TEXT;
    for (const [section, places] of this.places) {
      const offsets = Float64Array.from(places.keys()).sort();
      const window = new TextWindow(section);
      for (const offset of offsets) {
        const text = budget > 0 ? window.text(offset) : undefined;
        if (text === undefined) continue;
        budget -= text.length;
        this.texts[places.get(offset) as number] = text;
      }
    }
    this.places.clear();
  }
}

/** A part of a section that moves on. */
class TextWindow {
  private readonly source: ByteSource;
  private readonly room = new ReadBuffer();
  private bytes: Uint8Array = new Uint8Array(0);
  private start = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** The zero-terminated string at `offset`; undefined when it is not inside the section, or longer than any name. */
  text(offset: number): string | undefined {
    const { size } = this.source;
    if (!(offset >= 0 && offset < size)) return undefined;
    for (let length = WINDOW; ; length *= 4) {
      const from = offset - this.start;
      const end = from >= 0 && from < this.bytes.length ? this.bytes.indexOf(0, from) : -1;
      if (end >= 0) return decodeText(this.bytes.subarray(from, end));
      if (from === 0 && (length > MAX_STRING || this.bytes.length === size - offset)) return undefined;
      this.bytes = this.room.read(this.source, offset, Math.min(length, size - offset));
      this.start = offset;
    }
  }
}
