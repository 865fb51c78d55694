/**
 * The public face of symbolize/: from an address to function, file and line.
 *
 *     openLocalModule(path)        one ELF file and its debug information; `find` takes virtual addresses
 *     openLiveProcess(pid)         a running process; `resolve` takes absolute addresses
 *     openLocalRecording(path)     a recording of `leakline record`; `symbolizer.resolveStack` takes its stacks
 *
 * These read files of this machine and need Node. `Symbolizer` and `Module` themselves do no I/O: with a `FileProvider`
 * of your own they take files from anywhere.
 */

export { type VirtualAddress, virtualAddress } from "../base/address.ts";
export { LeaklineError } from "../base/errors.ts";
export type { FileProvider, WantedFile } from "./file-provider.ts";
export type { Frame } from "./frame.ts";
export { type LiveProcess, openLiveProcess } from "./local/live-process.ts";
export { type LocalFilesOptions, localFiles } from "./local/local-files.ts";
export { openLocalModule } from "./local/local-module.ts";
export { type LocalRecording, openLocalRecording } from "./local/local-recording.ts";
export { Module, type ModuleFrame } from "./module.ts";
export { Symbolizer } from "./symbolizer.ts";
