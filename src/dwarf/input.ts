/**
 * What the DWARF reader is given, and how it asks for more.
 *
 * It does no I/O of its own: sections are byte sources, and a file beside the first one (dwz's supplementary file, a
 * .dwo, a .dwp) is handed in or asked for, as an input of the same kind.
 */

import type { VirtualAddress } from "../base/address.ts";
import type { ByteSource } from "../base/bytes.ts";
import type { BatchHelper } from "./batch/share.ts";

/** What a skeleton unit says about the file that holds the rest of it (DWARF 5 §7.3.2). */
export type SplitQuery = {
  /** DW_AT_dwo_name: a path, usually relative to `compDir`. */
  readonly dwoName: string;
  /** DW_AT_comp_dir, or undefined when the unit has none. */
  readonly compDir: string | undefined;
  /** Unsigned 64 bits: what the unit in that file must carry too. */
  readonly dwoId: bigint | undefined;
};

export type DwarfInput = {
  /** For messages: the file's path. */
  readonly name: string;
  readonly littleEndian: boolean;
  /**
   * A section by its ELF name (`.debug_info`, in a .dwo `.debug_info.dwo`), decompressed, in ET_REL relocated; undefined
   * when the file has none.
   */
  section(name: string): ByteSource | undefined;
  /**
   * The lowest virtual address of executable code, if known. Functions, units and line sequences that begin below were
   * dropped by the linker and never answer. Without it, those at 0 and 1 count as dropped: give 0 for a file whose code
   * really begins there (ET_REL).
   */
  readonly lowestCode?: VirtualAddress | undefined;
  /** The file that `.gnu_debugaltlink` or `.debug_sup` names (dwz). */
  readonly supplementary?: DwarfInput | undefined;
  /** A .dwp package with the split units of this file; asked before `loadSplit`. */
  readonly package?: DwarfInput | undefined;
  /** Finds a .dwo file, or a .dwp that has the unit. May throw a LeaklineError; undefined means there is none. */
  readonly loadSplit?: ((query: SplitQuery) => DwarfInput | undefined) | undefined;
  /** Resolves parts of batches at the same time, with nothing but this input's own sections. */
  readonly helper?: BatchHelper | undefined;
};

/** The same input, which asks for each section only once: to find or decompress it may be costly. */
export function rememberSections(input: DwarfInput): DwarfInput {
  const known = new Map<string, ByteSource | undefined>();
  return {
    ...input,
    section(name) {
      if (!known.has(name)) known.set(name, input.section(name));
      return known.get(name);
    },
  };
}
