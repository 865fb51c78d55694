/**
 * How much work a mangled name may cause, and how a demangler gives up.
 *
 * Names come from files that may be hostile, and each of the three schemes has back references: forty characters can
 * stand for gigabytes of text. The limits grow with the length of the name, so that the work for a file stays
 * proportional to the file. Real names stay far below them: over 1.5 million symbols, no output was longer than 70
 * characters per character of its name, and none needed more than a tenth of the steps or of the depth.
 */

/** Nesting of productions while parsing, and of nodes while printing. Keeps recursion well inside any JavaScript stack. */
export const MAX_DEPTH = 768;

/** Longest output, in UTF-16 units, for a name of `length`. */
export function maxOutput(length: number): number {
  return 4096 + 256 * length;
}

/** Most nodes (Itanium) or productions (Rust) visited while printing a name of `length`. */
export function maxSteps(length: number): number {
  return 4096 + 256 * length;
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
