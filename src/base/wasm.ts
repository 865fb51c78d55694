/**
 * WebAssembly, as far as it is used here: modules whose functions work on their memory.
 *
 * Declared here, since the library of types that has it is the browser's.
 */

import type { ByteSource } from "./bytes.ts";
import { LeaklineError } from "./errors.ts";
import { PADDING } from "./read-window.ts";

declare const WebAssembly: {
  Module: new (code: Uint8Array) => object;
  Instance: new (module: object, imports?: WasmImports) => { readonly exports: unknown };
};

/** Functions that a module calls, by the names that it has for them. */
export type WasmImports = { readonly [from: string]: { readonly [name: string]: () => void } };

/** A variable that a module exports. */
export type WasmVariable = { readonly value: number };

/** What all modules here export. A bool is 0 or 1. */
export type WasmCode = {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** The first byte of memory that the module does not use itself. */
  firstFree(): number;
};

/** Memory grows by so many bytes. */
const PAGE = 1 << 16;
/** Memory that an instance may take, in bytes. */
const MAX_MEMORY = 1 << 30;

export class WasmModule {
  private readonly module: object;

  /**
   * @param base64 the module's code.
   * @throws LeaklineError `unsupported` where there is no WebAssembly.
   */
  constructor(base64: string) {
    try {
      if (!HOST_IS_LITTLE_ENDIAN) throw new TypeError("this machine is big-endian");
      this.module = new WebAssembly.Module(decodeBase64(base64));
    } catch (error) {
      // A ReferenceError without WebAssembly, and whatever a page's policy throws.
      throw new LeaklineError("unsupported", `no WebAssembly to read debug information with: ${error}`, {
        hint: "start node without --jitless, or resolve on another machine",
      });
    }
  }

  instantiate(imports?: WasmImports): unknown {
    return new WebAssembly.Instance(this.module, imports).exports;
  }
}

/** An instance of a module, with a memory of its own, into which what it works on is put. */
export class Wasm<Code extends WasmCode> {
  readonly code: Code;
  /** The memory. To be fetched again after `reserve`, which may replace them. */
  bytes!: Uint8Array;
  words!: Int32Array;
  numbers!: Float64Array;
  /** The first byte that is free; a multiple of 8. */
  readonly firstFree: number;

  constructor(module: WasmModule) {
    this.code = module.instantiate() as Code;
    this.firstFree = aligned(this.code.firstFree());
    this.look();
  }

  /** Makes the memory large enough. @param size in bytes. @returns false when that is more than it may have. */
  reserve(size: number): boolean {
    const missing = size - this.bytes.length;
    if (missing <= 0) return true;
    if (size > MAX_MEMORY) return false;
    // By half at least: to grow may mean to copy.
    const more = Math.max(missing, Math.min(this.bytes.length / 2, MAX_MEMORY - this.bytes.length));
    try {
      this.code.memory.grow(Math.ceil(more / PAGE));
    } catch {
      return false; // the system has no more
    }
    this.look();
    return true;
  }

  /** Puts bytes into memory, where `reserve` has made room, and zeros behind them, which end whatever is read there. */
  put(bytes: Uint8Array, at: number): void {
    this.bytes.set(bytes, at);
    this.bytes.fill(0, at + bytes.length, at + bytes.length + PADDING);
  }

  /** Likewise a part of a source. */
  putFrom(source: ByteSource, offset: number, length: number, at: number): void {
    if (source.readInto) {
      source.readInto(offset, this.bytes.subarray(at, at + length));
      this.bytes.fill(0, at + length, at + length + PADDING);
    } else this.put(source.read(offset, length), at);
  }

  private look(): void {
    const { buffer } = this.code.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.numbers = new Float64Array(buffer);
  }
}

/** Bytes of memory that so many take with the zeros behind them; a multiple of 8. */
export function roomFor(length: number): number {
  return aligned(length + PADDING);
}

/** The next multiple of 8. */
export function aligned(size: number): number {
  return Math.ceil(size / 8) * 8;
}

/** Node's own way takes a tenth of a millisecond, the other one nearly a whole one. */
function decodeBase64(text: string): Uint8Array {
  const { Buffer } = globalThis as { Buffer?: { from(text: string, encoding: "base64"): Uint8Array } };
  if (Buffer) return Buffer.from(text, "base64");
  const decoded = atob(text);
  const bytes = new Uint8Array(decoded.length);
  for (let i = 0; i < decoded.length; i++) bytes[i] = decoded.charCodeAt(i);
  return bytes;
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
