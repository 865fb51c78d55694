/**
 * Reading into the memory of a WebAssembly module, where it works on what was read: for pieces that mostly lie side by side,
 * or one of which begins with the length of the whole. More is read than was asked for, and what is there already is not read
 * again.
 */

import { type ByteSource, checkLength, checkRange } from "./bytes.ts";
import { LeaklineError } from "./errors.ts";
import { roomFor, type Wasm, type WasmCode } from "./wasm.ts";

/** Bytes that are read at least. */
const AHEAD = 1 << 16;
/** Memory to spare when it grows, in bytes. */
const SPARE = 1 << 18;

export class WasmWindow {
  private readonly wasm: Wasm<WasmCode>;
  /** Where in memory it begins. */
  private readonly base: number;
  private source: ByteSource | undefined;
  private start = 0;
  private length = 0;

  /** @param base from there on, memory is the window's, up to `end`. */
  constructor(wasm: Wasm<WasmCode>, base: number) {
    this.wasm = wasm;
    this.base = base;
  }

  /** Where in memory free space begins, behind what was read and zeros. */
  get end(): number {
    return this.base + roomFor(this.length);
  }

  /**
   * As `source.read`; the result is valid only until the next call, or until memory grows. Of a source that is in memory
   * itself, nothing is copied.
   */
  read(source: ByteSource, offset: number, length: number): Uint8Array {
    if (!source.readInto) return source.read(offset, length);
    checkRange(source.name, source.size, offset, length);
    checkLength(source.name, length);
    const at = offset - this.start;
    const isNear = source === this.source && at >= 0 && at <= this.length;
    if (!isNear || length > this.length - at) this.fill(source, offset, length, isNear ? this.length - at : 0);
    const from = this.base + offset - this.start;
    return this.wasm.bytes.subarray(from, from + length);
  }

  /** Whether these bytes are in the window's memory. */
  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.wasm.bytes.buffer;
  }

  /** @param kept bytes from `offset` on that are there already, the last ones of the window. */
  private fill(source: ByteSource, offset: number, length: number, kept: number): void {
    const { wasm, base } = this;
    const wanted = Math.max(length, Math.min(AHEAD, source.size - offset));
    if (base + roomFor(wanted) > wasm.bytes.length && !wasm.reserve(base + roomFor(wanted) + SPARE))
      throw new LeaklineError("limit", `${source.name}: ${wanted} bytes are too many to be searched at once`);
    if (kept > 0) wasm.bytes.copyWithin(base, base + this.length - kept, base + this.length);
    // Should reading fail half-way, nothing of it may be taken for what stood there before.
    this.source = undefined;
    this.length = 0;
    source.readInto?.(offset + kept, wasm.bytes.subarray(base + kept, base + wanted));
    wasm.bytes.fill(0, base + wanted, base + roomFor(wanted));
    this.source = source;
    this.start = offset;
    this.length = wanted;
  }
}
