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
  /** From the function's first byte to the address, in bytes. Absent for an inlined frame. */
  offset?: number | undefined;
  /** Length of the function in bytes, when its symbol or debug information states one. */
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
  /** Where in the module: the ELF virtual address. */
  moduleAddress?: number | undefined;
  /** Other names of the same function. */
  aliases?: string[] | undefined;
  /** Which file, and which table in it, gave the name and the line. */
  symbolSource?: string | undefined;
  lineSource?: string | undefined;
  /** Why there is no symbol, or no line. */
  reason?: string | undefined;
};
