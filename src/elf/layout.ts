/**
 * Where the code of a relocatable file (ET_REL) is taken to be.
 *
 * Nothing in such a file has an address yet: each of its sections starts at 0. So its code sections are laid out one
 * behind the other, as a linker would do, and symbols, debug information and unwind tables are moved along. From then
 * on one address says both section and offset, and whatever works for linked files works here too.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { upperBound } from "../base/upper-bound.ts";
import { ET_REL, SHF_EXECINSTR } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import type { Section } from "./sections.ts";

/** Where the first code section is put. Not 0: that is what references to dropped sections are left with. */
export const LAYOUT_START = 0x10000;
/** A multiple of this is where each section is put; at least one address between two belongs to neither. */
const ALIGNMENT = 16;
/** A section counts for at most this many bytes: sizes that lie would make the sums inexact. */
const MAX_SIZE = 2 ** 32;

export type CodeLayout = {
  /** The laid-out address of a section's first byte; 0 for a section without code. */
  base(section: Section): number;
  /** The code section that a laid-out address is in, and the offset into it; undefined when it is in none. */
  locate(address: VirtualAddress): { section: Section; offset: VirtualAddress } | undefined;
};

/**
 * The layout of a file's code sections, in the order of their headers. A debug file that was split off has the same
 * headers, and so the same layout.
 *
 * @returns undefined for a file that is linked, whose sections have addresses.
 */
export function layOutCode(elf: ElfFile): CodeLayout | undefined {
  if (elf.type !== ET_REL) return undefined;
  const { sections } = elf;
  // Every section has an entry, so that the index is the section's own: one without code shares that of its follower.
  const bases = new Float64Array(sections.length);
  let next = LAYOUT_START;
  for (const { index, flags, size } of sections) {
    bases[index] = next;
    if (flags & SHF_EXECINSTR) next = (Math.floor((next + Math.min(size, MAX_SIZE)) / ALIGNMENT) + 1) * ALIGNMENT;
  }
  return {
    base: ({ index, flags }) => (flags & SHF_EXECINSTR ? bases[index] : 0),
    locate(address) {
      const index = upperBound(bases, address) - 1;
      if (index < 0) return undefined;
      const section = sections[index];
      const offset = address - bases[index];
      const inside = section.flags & SHF_EXECINSTR && offset < section.size;
      return inside ? { section, offset: virtualAddress(offset) } : undefined;
    },
  };
}
