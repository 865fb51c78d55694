/**
 * How much work a mangled name may cause, and how a demangler gives up.
 *
 * Names come from files that may be hostile, and each of the three schemes has back references: forty characters can
 * stand for gigabytes of text. The limits grow with the length of the name, so that the work for a file stays
 * proportional to the file. Real names stay far below: over 600,000 symbols of LLVM, clang, Node, Qt and rustc, the
 * most were 2,265 characters, nesting 92, and 29 characters of output and 9 steps per character of the name.
 */

/** Longer names are left as they are. */
export const MAX_NAME_LENGTH = 1 << 17;

/** Nesting of productions while parsing, and of nodes while printing. Takes a third of the usual stack. */
export const MAX_DEPTH = 512;

/** Longest output, in UTF-16 units, for a name of `length`. */
export function maxOutput(length: number): number {
  return Math.min(4096 + 256 * length, 1 << 20);
}

/** Most nodes (Itanium) or productions (Rust) visited while printing a name of `length`. */
export function maxSteps(length: number): number {
  return 4096 + 64 * length;
}

/**
 * What the demanglers throw at a name that breaks the grammar or a limit; `demangle` catches it. It is one shared
 * object because making an Error, with its stack trace, costs more than demangling a name.
 */
export const FAILURE = { name: "demangling failed" } as const;

/** Gives up on the name. */
export function fail(): never {
  throw FAILURE;
}
