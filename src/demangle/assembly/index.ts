/** The three schemes, compiled to WebAssembly; ../demangler.ts calls them. */

import { INPUT } from "./input.ts";
import { demangleItanium } from "./itanium/itanium.ts";
import { OUTPUT, outputLength } from "./output.ts";
import { demangleRustLegacy } from "./rust/legacy.ts";
import { demangleRustV0 } from "./rust/v0.ts";

/** Where the name is to be put, in UTF-8, with 16 zeros behind it. */
export function inputAt(): u32 {
  return INPUT;
}

/** Where the demangled name is then. */
export function outputAt(): u32 {
  return OUTPUT;
}

/**
 * Demangles the name at `inputAt`. Calls `fail` when it breaks the grammar of its scheme, or a limit.
 *
 * @param length in bytes. @param isAscii C++ identifiers alone may hold UTF-8.
 * @returns the length of the demangled name, -1 when it is of none of the schemes.
 */
export function demangle(length: u32, isAscii: bool, withParameters: bool, withHash: bool): i32 {
  heap.reset();
  const isDemangled =
    (isAscii && demangleRustLegacy(length, withHash)) ||
    demangleItanium(length, withParameters) ||
    (isAscii && demangleRustV0(length));
  return isDemangled ? outputLength() : -1;
}
