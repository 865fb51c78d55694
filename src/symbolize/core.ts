/**
 * What of symbolize/ runs anywhere, in a browser too: nothing here or below imports a Node module.
 *
 * For one ELF file, make a `Module` and ask it with `find`; for a recorded or living process, a `Symbolizer`. Which
 * bytes a path means is asked of a `FileProvider`: that of this machine is in `local/`, in a browser it may be uploads.
 *
 *     const files: FileProvider = {
 *       candidates: ({ path }) => [() => uploads.get(path)],
 *       debugDirectories: ["/usr/lib/debug"],
 *       decompress: decompressPortably,
 *     };
 *     const elf = openElf(memorySource("a.out", bytes), { decompress: decompressPortably });
 *     const module = new Module(elf, "/a.out", files);
 *     for (const { symbol, file, line } of module.find(virtualAddress(0x1139), false)) console.log(symbol, file, line);
 *
 * In a browser, do so in a worker, with `blobSource` instead of bytes in memory: test/browser/ is an example.
 */

export {
  type AbsoluteAddress,
  absoluteAddress,
  type FileOffset,
  fileOffset,
  hex,
  type VirtualAddress,
  virtualAddress,
} from "../base/address.ts";
export { type ByteSource, type Decompress, memorySource } from "../base/bytes.ts";
export { type ErrorCode, LeaklineError } from "../base/errors.ts";
export { decompressPortably } from "../compress/portable.ts";
export { type BlobSource, blobSource } from "./blob-source.ts";
export type { BuildIdKind, FileProvider, WantedFile } from "./file-provider.ts";
export type { Frame } from "./frame.ts";
export { Kernel, type KernelSources } from "./kernel.ts";
export { Module, type ModuleFrame } from "./module.ts";
export { DEFAULT_OPEN_FILES, ModuleCache } from "./module-cache.ts";
export { openByBuildId, openModule } from "./open-module.ts";
export { PerfMap, type PerfMapEntry } from "./perf-map.ts";
export { recordingOfMaps, SAVED_PROCESS } from "./saved-maps.ts";
export { Symbolizer } from "./symbolizer.ts";
export { type AddressInFile, type FoundAddress, findAddresses } from "./text-addresses.ts";
