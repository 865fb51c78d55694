/**
 * Texts by number, as the bytes that are printed: each is encoded when it is written first, and copied from then on.
 */

import { type ByteOutput, encodeText } from "../base/byte-output.ts";
import { printable } from "../base/printable.ts";

/** Bytes of texts lie in pieces of so many: nothing is moved when there are more. */
const PIECE_BITS = 18;
const PIECE = 1 << PIECE_BITS;
/** Longer texts, in UTF-16 units, are encoded each time: few do not fit what is left of a piece. */
const MAX_LENGTH = PIECE / 16;
/** Pieces that have a place of 32 bits. */
const MAX_PIECES = 1 << (32 - PIECE_BITS);

export class PrintedTexts {
  private readonly textOf: (number: number) => string;
  private readonly pieces: Uint8Array[] = [];
  private used = PIECE;
  /** Those that are not printed as they are. */
  private readonly changed = new Set<number>();
  /** By number by turns: where its bytes are, and one more than how many; 0 for a text that was not encoded yet. */
  private readonly places: Uint32Array;

  /** @param textOf gives each of the `count` texts, numbered from 0, as it is to be shown. */
  constructor(count: number, textOf: (number: number) => string) {
    this.textOf = textOf;
    this.places = new Uint32Array(2 * count);
  }

  write(number: number, out: ByteOutput): void {
    const at = 2 * number;
    if (this.places[at + 1] === 0 && !this.encode(number, out)) return;
    const place = this.places[at];
    out.copy(this.pieces[place >>> PIECE_BITS], place & (PIECE - 1), this.places[at + 1] - 1);
  }

  /** A text as it was written; undefined for one that was not, or may not be the same as it is printed. */
  bytes(number: number): Uint8Array | undefined {
    const length = this.places[2 * number + 1] - 1;
    if (length < 0 || this.changed.has(number)) return undefined;
    const place = this.places[2 * number];
    const start = place & (PIECE - 1);
    const bytes = this.pieces[place >>> PIECE_BITS].subarray(start, start + length);
    // Newlines and tabs, and what begins as the character that stands for half of one.
    for (let i = 0; i < length; i++) if (bytes[i] < 0x20 || bytes[i] === 0xef) return undefined;
    return bytes;
  }

  /** @returns false when it was written at once. */
  private encode(number: number, out: ByteOutput): boolean {
    const original = this.textOf(number);
    const text = printable(original);
    if (text !== original) this.changed.add(number);
    // Each UTF-16 unit becomes three bytes at most.
    if (this.used + 3 * text.length > PIECE) {
      if (text.length > MAX_LENGTH || this.pieces.length === MAX_PIECES) {
        out.text(text);
        return false;
      }
      this.pieces.push(new Uint8Array(PIECE));
      this.used = 0;
    }
    const piece = this.pieces.length - 1;
    const length = encodeText(text, this.pieces[piece], this.used);
    this.places[2 * number] = ((piece << PIECE_BITS) | this.used) >>> 0;
    this.places[2 * number + 1] = length + 1;
    this.used += length;
    return true;
  }
}
