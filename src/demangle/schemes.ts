/** The schemes, each asked whether a name is its own. All of what is large here: the command loads it for the first such name. */

import type { DemangleOptions } from "./demangle.ts";
import { demangleItanium } from "./itanium/itanium.ts";
import { demangleRustLegacy } from "./rust/legacy.ts";
import { demangleRustV0 } from "./rust/v0.ts";

/** @returns undefined when no scheme knows the name. */
export function demangleAscii(mangled: string, options: DemangleOptions): string | undefined {
  return (
    demangleRustLegacy(mangled, options.hash ?? false) ?? demangleBytes(mangled, options) ?? demangleRustV0(mangled)
  );
}

/** C++ alone: identifiers may hold UTF-8, one character per byte. */
export function demangleBytes(mangled: string, options: DemangleOptions): string | undefined {
  return demangleItanium(mangled, options.parameters ?? true);
}
