/**
 * Keeping Node small, for a process that works hard for a second and then waits for hours: a tracer.
 *
 * What the start took is garbage afterwards, but V8 collects it only when something new is wanted, which may be never,
 * and the C library keeps what it is given back for the next time. Both can be asked.
 */

import { LeaklineError } from "../base/errors.ts";
import { loadNativeLibrary } from "./native.ts";

/** Keeps V8 from making room for young objects that a tracer does not have: 2 MB instead of up to 32. */
export function keepYoungGenerationSmall(): void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--semi-space-growth-factor=1");
}

/** Gives all memory that is not in use back to the system. */
export async function releaseUnusedMemory(): Promise<void> {
  // Node's modules are loaded here: this file is loaded by commands that trace nothing, too.
  process.getBuiltinModule("node:v8").setFlagsFromString("--expose-gc");
  // The flag adds gc() to contexts that are made after it.
  const collectGarbage: () => void = process.getBuiltinModule("node:vm").runInNewContext("gc");
  collectGarbage();
  try {
    const libc = await loadNativeLibrary("libc.so.6", "");
    libc.bind<(pad: number) => number>("int malloc_trim(size_t pad)")(0);
  } catch (error) {
    // musl, which keeps little back, has no such function.
    if (!(error instanceof LeaklineError)) throw error;
  }
}
