/**
 * What a lookup answers with.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import type { Float64List } from "./growable.ts";

export type AddressRange = { readonly begin: VirtualAddress; readonly end: VirtualAddress };

/** A function, or one call of it that was inlined. */
export type SourceFunction = {
  /** The linkage name if there is one, else the name in the source; undefined when the DWARF names neither. */
  readonly name: string | undefined;
  /** The linker's name: mangled in C++ and Rust. */
  readonly linkageName: string | undefined;
  /** DW_AT_name: as the source has it, without scope or parameters. */
  readonly displayName: string | undefined;
  /** Where the function is entered: not always its lowest address. Of an inlined call, where its code begins. */
  readonly entry: VirtualAddress;
  /** Length in bytes of the range that contains the address. */
  readonly size: number;
  /** All its code, in the order of the file: hot and cold parts are ranges of their own. */
  readonly ranges: readonly AddressRange[];
};

export type SourceFrame = {
  readonly function: SourceFunction | undefined;
  /** Full path as the compiler recorded it. */
  readonly file: string | undefined;
  /** From 1; undefined also for code that the compiler attributes to no line. */
  readonly line: number | undefined;
  /** From 1; undefined when the compiler did not record it. */
  readonly column: number | undefined;
  /** True for all frames of an address but the last. */
  readonly inlined: boolean;
};

export type Found = {
  /** Innermost first: an inlined function stands before the one it was inlined into. Empty when nothing is known. */
  readonly frames: readonly SourceFrame[];
  /** Why there are no frames, or what is missing from them. Undefined when all is well. */
  readonly reason: string | undefined;
};

/** Begins and ends by turns, as ranges. */
export function rangeList(pairs: Float64List): AddressRange[] {
  const ranges: AddressRange[] = [];
  for (let i = 0; i < pairs.length; i += 2)
    ranges.push({ begin: virtualAddress(pairs.values[i]), end: virtualAddress(pairs.values[i + 1]) });
  return ranges;
}
