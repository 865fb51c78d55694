/** Files that may be compressed as a whole: `nf_tables.ko.xz` is read as the ELF file in it. */

import { memorySource } from "../base/bytes.ts";
import { compressionOf, decompressFile, MAGIC_LENGTH } from "../compress/compressed-file.ts";
import type { FileProvider } from "./file-provider.ts";

/** The same files, decompressed when they are opened. */
export function decompressing(files: FileProvider): FileProvider {
  return {
    ...files,
    candidates: (wanted) =>
      files.candidates(wanted).map((open) => () => {
        const source = open();
        if (!source || !compressionOf(source.read(0, Math.min(MAGIC_LENGTH, source.size)))) return source;
        const input = source.read(0, Math.min(source.size, MAX_SIZE));
        return memorySource(source.name, decompressFile(source.name, input, MAX_SIZE, files.decompress));
      }),
  };
}

/** Largest file decompressed. The largest kernel module, with its debug information, has 400 MB. */
const MAX_SIZE = 1 << 29;
