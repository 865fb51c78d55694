/**
 * Addresses to function, file and line: the public face of symbolize/, `leakline/symbolize`.
 *
 * For one ELF file, make a `Module` and ask it with `find`; for a recorded or living process, a `Symbolizer`. Both are
 * pure: which bytes a path means is asked of a `FileProvider`. That of this machine is in `local/`; in a browser, it
 * may be a list of uploads:
 *
 *     const files: FileProvider = {
 *       candidates: ({ path }) => [() => uploads.get(path)],
 *       debugDirectories: ["/usr/lib/debug"],
 *       decompress,
 *     };
 *     const module = new Module(openElf(memorySource("a.out", bytes), { decompress }), "/a.out", files);
 *     for (const frame of module.find(virtualAddress(0x1139), false)) console.log(frame.symbol, frame.file, frame.line);
 */

export type { BuildIdKind, FileProvider, WantedFile } from "./file-provider.ts";
export type { Frame } from "./frame.ts";
export { Module, type ModuleFrame } from "./module.ts";
export { DEFAULT_OPEN_FILES, ModuleCache } from "./module-cache.ts";
export { openByBuildId, openModule } from "./open-module.ts";
export { Symbolizer } from "./symbolizer.ts";
