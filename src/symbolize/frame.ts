/**
 * What is known of an address: one frame, or several when functions were inlined there.
 *
 * Field names are those of the JSON output; what is unknown is absent. A frame that has no symbol has a `reason`.
 */

export type Frame = {
  /** The address as it was asked for: absolute, or virtual for an ELF file. Unsigned. */
  address: bigint;
  /** Function, demangled. */
  symbol?: string | undefined;
  /**
   * From the function's first byte to the address, in bytes. Absent for an inlined frame. Without `symbol`, that of a
   * function whose name was stripped but whose bounds are known from unwind tables.
   */
  offset?: number | undefined;
  /** Length in bytes of the function, or of that part of it which has the address; absent when nothing states it. */
  size?: number | undefined;
  /** Full path, as the debug information gives it. */
  file?: string | undefined;
  line?: number | undefined;
  /** Counted from 1. */
  column?: number | undefined;
  /** Inlined into the frame that follows it. */
  inlined: boolean;
  /** Path of the ELF file, or `[vdso]`. */
  module?: string | undefined;
  /** Of the module: lower-case hexadecimal. */
  buildId?: string | undefined;
  /** Where in the module: the ELF virtual address; in a relocatable file, the offset into `section`. */
  moduleAddress?: number | undefined;
  /** Only in a relocatable file (`.o`, `.ko`): the section that `moduleAddress` counts from. */
  section?: string | undefined;
  /** Other names of the same function. */
  aliases?: string[] | undefined;
  /** Which file, and which table in it, gave the name, or the bounds of a function without one. */
  symbolSource?: string | undefined;
  /** Likewise for file and line. */
  lineSource?: string | undefined;
  /** Why there is no symbol or no line, or what of the debug information could not be read. */
  reason?: string | undefined;
};

/** A frame without what only the caller knows. */
export type ModuleFrame = Omit<Frame, "address" | "module" | "buildId">;

/** The frames of one address as one: the function that all others are inlined into, at the place of the innermost. */
export function withoutInlines<F extends ModuleFrame>(frames: F[]): F[] {
  if (frames.length < 2) return frames;
  const [{ file, line, column, lineSource }] = frames;
  return [{ ...(frames.at(-1) as F), file, line, column, lineSource }];
}
