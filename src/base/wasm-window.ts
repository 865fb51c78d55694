/** Reading into the memory of a WebAssembly module, where it works on what was read. */

import { LeaklineError } from "./errors.ts";
import { ReadWindow } from "./read-window.ts";
import { roomFor, type Wasm, type WasmCode } from "./wasm.ts";

/** Bytes that are read at least. */
const AHEAD = 1 << 16;
/** Memory to spare when it grows, in bytes. */
const SPARE = 1 << 18;

/** What was read from it is gone, too, when the memory grows. */
export class WasmWindow extends ReadWindow {
  private readonly wasm: Wasm<WasmCode>;
  /** Where in memory it begins. */
  private readonly base: number;

  /** @param base from there on, memory is the window's, up to `end`. */
  constructor(wasm: Wasm<WasmCode>, base: number) {
    super(AHEAD, (size) => {
      if (base + size > wasm.bytes.length && !wasm.reserve(base + size + SPARE))
        throw new LeaklineError("limit", `${size} bytes are too many to be searched at once`);
      return wasm.bytes.subarray(base);
    });
    this.wasm = wasm;
    this.base = base;
  }

  /** Where in memory free space begins, behind what was read and zeros. */
  get end(): number {
    return this.base + roomFor(this.length);
  }

  /** Whether these bytes are in the window's memory. */
  has(bytes: Uint8Array): boolean {
    return bytes.buffer === this.wasm.bytes.buffer;
  }
}
