/**
 * Texts by number, as the bytes that are printed: each is encoded when it is written first, and copied from then on.
 */

import { type ByteOutput, encodeText } from "../base/byte-output.ts";
import { printable } from "../base/printable.ts";

/** Bytes of texts lie in pieces of so many: nothing is moved when there are more. */
const PIECE_BITS = 18;
const PIECE = 1 << PIECE_BITS;
/** What may take more bytes has a piece of its own, so that little is left over of one. */
const MAX_SHARED = PIECE / 8;
/** Pieces that have a place of 32 bits: what is beyond is encoded each time. */
const MAX_PIECES = 1 << (32 - PIECE_BITS);

export class PrintedTexts {
  private readonly textOf: (number: number) => string;
  private readonly pieces: Uint8Array[] = [];
  /** The piece that is filled, and how far. */
  private piece = -1;
  private used = PIECE + 1;
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
    const most = 3 * text.length;
    const isLong = most > MAX_SHARED;
    if (isLong || this.used + most > PIECE) {
      if (this.pieces.length === MAX_PIECES) {
        out.text(text);
        return false;
      }
      this.pieces.push(new Uint8Array(isLong ? most : PIECE));
      if (!isLong) {
        this.piece = this.pieces.length - 1;
        this.used = 0;
      }
    }
    const piece = isLong ? this.pieces.length - 1 : this.piece;
    const start = isLong ? 0 : this.used;
    const length = encodeText(text, this.pieces[piece], start);
    if (!isLong) this.used += length;
    this.places[2 * number] = ((piece << PIECE_BITS) | start) >>> 0;
    this.places[2 * number + 1] = length + 1;
    return true;
  }
}
