/**
 * Which mangling a symbol's name has, and what all of them have in common: the version behind an `@`.
 */

import { demangleName } from "./demangler.ts";
import { MAX_NAME_LENGTH } from "./limits.ts";

export type DemangleOptions = {
  /** false: the name without return type, parameters and what follows them; for lists of stacks. Default true. */
  readonly parameters?: boolean;
  /** true: keep the hash at the end of legacy Rust names. Default false. */
  readonly hash?: boolean;
};

/**
 * The name as it stands in source code.
 *
 * @param name a symbol's name from an ELF file. C++ (Itanium ABI), Rust (legacy and v0) are recognized by themselves.
 * @returns `name` itself when it is not mangled, or cannot be demangled: also where there is no WebAssembly. Never throws; the
 *   work is proportional to the length of the name, whatever it says.
 */
export function demangle(name: string, options: DemangleOptions = {}): string {
  if (!isMangled(name) || name.length > MAX_NAME_LENGTH) return name;
  // A symbol version (`name@VERSION`, `name@@VERSION`) is no part of the mangled name.
  const versionAt = name.indexOf("@");
  const mangled = versionAt < 0 ? name : name.slice(0, versionAt);
  const demangled = demangleName(mangled, options);
  if (demangled === undefined) return name;
  return versionAt < 0 ? demangled : demangled + name.slice(versionAt);
}

/** By how it begins. C has names with an underscore, too, for which no scheme has to be asked. */
function isMangled(name: string): boolean {
  let at = 0;
  while (at < MOST_UNDERSCORES && name.charCodeAt(at) === UNDERSCORE) at++;
  const letter = name.charCodeAt(at);
  return at > 0 && (letter === LETTER_Z || letter === LETTER_R);
}

const UNDERSCORE = 95;
/** Of C++: a block's function with the extra one of Mach-O. Rust has one, or two. */
const MOST_UNDERSCORES = 4;
const LETTER_Z = 90;
const LETTER_R = 82;
