/**
 * How much work a mangled name may cause.
 *
 * Names come from files that may be hostile, and each of the three schemes has back references: forty characters can
 * stand for gigabytes of text. The limits grow with the length of the name, so that the work for a file stays
 * proportional to the file. Real names stay far below: over 600,000 symbols of LLVM, clang, Node, Qt and rustc, the
 * most were 2,265 characters, nesting 92, and 29 characters of output and 9 steps per character of the name.
 */

/** Longer names are left as they are; in bytes. */
export const MAX_NAME_LENGTH = 131_072;

/** Bytes of zeros behind a name in memory: no grammar has them, so whoever reads on stops there. */
export const ZEROS = 16;

/** Nesting of productions while parsing, and of nodes while printing. */
export const MAX_DEPTH = 512;

/** Longest output, in bytes, for a name of `length`: so much, so much more for each byte, and never more than the last. */
export const LEAST_OUTPUT = 4096;
export const OUTPUT_PER_BYTE = 256;
export const MAX_OUTPUT = 1_048_576;

/** Most nodes (Itanium) or productions (Rust) visited while printing a name: so many, and so many more for each byte. */
export const LEAST_STEPS = 4096;
export const STEPS_PER_BYTE = 64;
