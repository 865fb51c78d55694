/** Sections as a linker would have left them, in files that are linked and in those that are not. */

import type { ByteSource } from "../base/bytes.ts";
import { ET_REL } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { relocate } from "./relocate.ts";
import type { Section } from "./sections.ts";

/**
 * A section's bytes, decompressed and relocated. The work is done at each call: keep the result.
 *
 * @returns undefined when there is no such section or it has no bytes in the file.
 * @throws LeaklineError as `ElfFile.sectionData` and `relocate`.
 */
export function relocatedSection(elf: ElfFile, which: string | Section): ByteSource | undefined {
  const section = typeof which === "string" ? elf.section(which) : which;
  const data = section && elf.sectionData(section);
  return data && elf.type === ET_REL ? relocate(elf, section, data) : data;
}
