/** The demanglers, which are WebAssembly: assembly/. The command loads them for the first mangled name. */

import { LeaklineError } from "../base/errors.ts";
import { WasmModule } from "../base/wasm.ts";
import type { DemangleOptions } from "./demangle.ts";
import { CODE } from "./demangler-code.ts";
import { MAX_NAME_LENGTH, ZEROS } from "./limits.ts";

/** What assembly/index.ts exports; see there. */
type Code = {
  readonly memory: { readonly buffer: ArrayBuffer };
  inputAt(): number;
  outputAt(): number;
  demangle(length: number, isAscii: boolean, withParameters: boolean, withHash: boolean): number;
};

/**
 * What is thrown through the WebAssembly when a name breaks its grammar or a limit. It is one object because to make an
 * Error, with its stack trace, takes longer than to demangle a name.
 */
const FAILURE = { name: "demangling failed" } as const;

/** Memory that is kept, in bytes; a name that needs more has been made to. */
const MAX_KEPT = 1 << 23;

let module: WasmModule | undefined;
let demangler: Demangler | undefined;

/** @returns undefined when no scheme knows the name, or there is no WebAssembly. */
export function demangleName(mangled: string, options: DemangleOptions): string | undefined {
  try {
    demangler ??= new Demangler();
    return demangler.demangle(mangled, options);
  } catch (error) {
    if (error === FAILURE || (error instanceof LeaklineError && error.code === "unsupported")) return undefined;
    throw error;
  } finally {
    if (demangler && demangler.size > MAX_KEPT) demangler = undefined;
  }
}

class Demangler {
  private readonly code: Code;
  private readonly encoder = new TextEncoder();
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** Room for the name and the zeros behind it; to be looked up again when memory has grown. */
  private input!: Uint8Array;

  constructor() {
    module ??= new WasmModule(CODE);
    this.code = module.instantiate({ failure: { throwFailure } }) as Code;
    this.look();
  }

  /** Of the memory, in bytes. */
  get size(): number {
    return this.code.memory.buffer.byteLength;
  }

  demangle(mangled: string, options: DemangleOptions): string | undefined {
    const { code } = this;
    if (this.input.length === 0) this.look();
    const { input } = this;
    const { read, written } = this.encoder.encodeInto(mangled, input);
    if (read < mangled.length || written > MAX_NAME_LENGTH) return undefined;
    input.fill(0, written, written + ZEROS);
    const isAscii = written === mangled.length;
    const length = code.demangle(written, isAscii, options.parameters ?? true, options.hash ?? false);
    return length < 0 ? undefined : this.decoder.decode(new Uint8Array(code.memory.buffer, code.outputAt(), length));
  }

  private look(): void {
    this.input = new Uint8Array(this.code.memory.buffer, this.code.inputAt(), MAX_NAME_LENGTH + ZEROS);
  }
}

/** What assembly/failure.ts imports. */
function throwFailure(): never {
  throw FAILURE;
}
