/**
 * Calls into shared libraries. The only file that knows koffi, which it loads on first use: resolving a recording
 * needs no native code at all.
 */

import { constants } from "node:os";
import { LeaklineError } from "../base/errors.ts";

/** An opaque native pointer; null is NULL. */
export type Pointer = { readonly __pointer: unique symbol } | null;

export type NativeLibrary = {
  /**
   * A function of the library, by its C prototype. Pointers to caller memory are `void *` and take a typed array,
   * which must be kept alive and in place for the length of the call.
   *
   * @throws LeaklineError `unsupported` when the library has no such function.
   */
  bind<F extends (...parameters: never[]) => unknown>(prototype: string): F;
  /** Where a typed array lies in memory, for structures that hold pointers. Keep the array alive for that long. */
  addressOf(array: Uint8Array): bigint;
  /** errno as the last call left it. */
  errno(): number;
};

/**
 * Opens a shared library.
 *
 * @param file as the dynamic linker takes it, e.g. `libbpf.so.1`.
 * @throws LeaklineError `unsupported` with the linker's words when it cannot be opened.
 */
export async function loadNativeLibrary(file: string, hint: string): Promise<NativeLibrary> {
  const koffi = await loadKoffi();
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(file);
  } catch (cause) {
    throw new LeaklineError("unsupported", `${file} cannot be loaded: ${(cause as Error).message}`, { cause, hint });
  }
  return {
    bind<F>(prototype: string) {
      try {
        return library.func(prototype) as F;
      } catch (cause) {
        const message = `${file} lacks a function: ${(cause as Error).message}`;
        throw new LeaklineError("unsupported", message, { cause, hint });
      }
    },
    addressOf: (array) => koffi.address(array),
    errno: () => koffi.errno(),
  };
}

async function loadKoffi() {
  try {
    return (await import("koffi")).default;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
    throw isMissing
      ? new LeaklineError("unsupported", "the npm package koffi is not installed", { cause, hint: "npm ci" })
      : new LeaklineError("unsupported", `koffi has no binary for ${process.platform}/${process.arch}`, {
          cause,
          hint: "record on a machine with one, and read the recording here",
        });
  }
}

/** `EPERM` for 1, and so on; the number itself when this system has no name for it. */
export function errnoName(errno: number): string {
  for (const [name, value] of Object.entries(constants.errno)) if (value === errno) return name;
  return `errno ${errno}`;
}
