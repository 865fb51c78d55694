/**
 * MiniDebugInfo: an xz-compressed ELF file inside `.gnu_debugdata`, with the symbols that stripping would have removed
 * (GDB manual, "Debugging information in a special section"). Fedora's files all have it.
 */

import { memorySource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { decodeXz } from "../compress/xz.ts";
import { type ElfFile, openElf } from "./elf-file.ts";
import { largestDecompressed } from "./section-data.ts";

const SECTION = ".gnu_debugdata";
/** Largest compressed section that is read. Real ones stay below 10 MiB. */
const MAX_COMPRESSED = 1 << 26;

/**
 * The ELF file inside `elf`. It is decompressed at each call: keep it.
 *
 * @returns undefined when there is none.
 * @throws LeaklineError `malformed`, `limit` or `unsupported` when it cannot be read.
 */
export function miniDebugInfo(elf: ElfFile): ElfFile | undefined {
  const data = elf.sectionData(SECTION);
  if (!data) return undefined;
  if (data.size > MAX_COMPRESSED) throw new LeaklineError("limit", `${data.name}: larger than ${MAX_COMPRESSED} bytes`);
  const bytes = decodeXz(data.read(0, data.size), largestDecompressed(data.size));
  return openElf(memorySource(data.name, bytes), { decompress: elf.decompress });
}
