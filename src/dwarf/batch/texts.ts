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
  /** Length of the longest, in UTF-16 units. */
  longest = 0;
  /** How many are undefined, once all are read. */
  damaged = 0;
  private readonly numbers = new Map<string, number>();
  private readonly places = new Map<ByteSource, Places>();
  /** Where the last place was: mostly there is but one section. */
  private lastSection: ByteSource | undefined;
  private lastPlaces = new Places();

  /** The number of a string that is known. */
  add(text: string): number {
    let number = this.numbers.get(text);
    if (number === undefined) {
      number = this.push(text);
      this.numbers.set(text, number);
    }
    return number;
  }

  /** The number of the string at an offset of a section, which is read later. */
  at(section: ByteSource, offset: number): number {
    if (section !== this.lastSection) this.select(section);
    const places = this.lastPlaces;
    const slot = places.find(offset);
    const known = places.numbers[slot];
    if (known >= 0) return known;
    const number = this.texts.push(undefined) - 1;
    places.add(slot, offset, number);
    return number;
  }

  /** Adds strings that were read elsewhere. @returns the number of the first. */
  append(texts: readonly (string | undefined)[]): number {
    const first = this.texts.length;
    for (const text of texts) this.push(text);
    return first;
  }

  /** Reads all strings that were only noted. A damaged one stays undefined. */
  read(): void {
    this.numbers.clear();
    let budget = MAX_BATCH_TEXT;
    for (const [section, places] of this.places) {
      const window = new TextWindow(section);
      for (const offset of places.sorted()) {
        const text = budget > 0 ? window.text(offset) : undefined;
        budget -= text?.length ?? 0;
        this.measure(text);
        this.texts[places.numbers[places.find(offset)]] = text;
      }
    }
    this.places.clear();
    this.lastSection = undefined;
    this.lastPlaces = new Places();
  }

  private push(text: string | undefined): number {
    this.measure(text);
    return this.texts.push(text) - 1;
  }

  private measure(text: string | undefined): void {
    if (text === undefined) this.damaged++;
    else if (text.length > this.longest) this.longest = text.length;
  }

  private select(section: ByteSource): void {
    const places = this.places.get(section) ?? new Places();
    this.places.set(section, places);
    this.lastSection = section;
    this.lastPlaces = places;
  }
}

/** Odd, for multiply-shift hashing: by chance, so that nobody can write a file whose offsets collide. */
const LOW_FACTOR = (Math.random() * 2 ** 32) | 1;
const HIGH_FACTOR = (Math.random() * 2 ** 32) | 1;

/** Numbers by offset in one section: a table with open addressing, since a Map of numbers takes three times as long. */
class Places {
  /** By slot; -1 where it is free. */
  numbers = new Int32Array(1 << 8).fill(-1);
  private offsets = new Float64Array(1 << 8);
  private count = 0;
  /** Of 32 bits, all but those that number a slot. */
  private shift = 32 - 8;

  /** The slot of an offset, or the free one that it belongs into. */
  find(offset: number): number {
    const { numbers, offsets } = this;
    const mask = numbers.length - 1;
    let slot = (Math.imul(offset, LOW_FACTOR) + Math.imul(offset / 2 ** 32, HIGH_FACTOR)) >>> this.shift;
    while (numbers[slot] >= 0 && offsets[slot] !== offset) slot = (slot + 1) & mask;
    return slot;
  }

  add(slot: number, offset: number, number: number): void {
    this.numbers[slot] = number;
    this.offsets[slot] = offset;
    if (++this.count * 2 > this.numbers.length) this.grow();
  }

  /** All offsets, ascending. */
  sorted(): Float64Array {
    const { numbers, offsets } = this;
    return offsets.filter((_, slot) => numbers[slot] >= 0).sort();
  }

  private grow(): void {
    const { numbers, offsets } = this;
    this.numbers = new Int32Array(2 * numbers.length).fill(-1);
    this.offsets = new Float64Array(2 * numbers.length);
    this.shift--;
    for (let i = 0; i < numbers.length; i++) {
      if (numbers[i] < 0) continue;
      const slot = this.find(offsets[i]);
      this.numbers[slot] = numbers[i];
      this.offsets[slot] = offsets[i];
    }
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
