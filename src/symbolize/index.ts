/**
 * The public face of symbolize/: from an address to function, file and line.
 *
 *     openLocalModule(path)        one ELF file and its debug information; `find` takes virtual addresses
 *     openLiveProcess(pid)         a running process; `resolve` takes absolute addresses
 *     openLocalKernel({})          the kernel; `resolve` takes absolute addresses
 *     openLocalRecording(path)     a recording of `leakline record`; `symbolizer.resolveStack` takes its stacks
 *
 * What lies on debuginfod servers: give any of them a `Debuginfod`, resolve, `await fetchMissing()`, and when it gives
 * more than 0, `reopen` and resolve again.
 *
 * These read files of this machine and need Node. What `core.ts` exports, `Symbolizer` and `Module` themselves, does no
 * I/O: with a `FileProvider` of your own they take files from anywhere.
 */

export * from "./core.ts";
export { Debuginfod } from "./local/debuginfod.ts";
export { type DebuginfodOptions, debuginfodOptions } from "./local/debuginfod-options.ts";
export { type LiveProcess, openLiveProcess } from "./local/live-process.ts";
export { type LocalFilesOptions, localFiles } from "./local/local-files.ts";
export { type LocalKernelOptions, openLocalKernel } from "./local/local-kernel.ts";
export { openLocalModule } from "./local/local-module.ts";
export { type LocalRecording, openLocalRecording } from "./local/local-recording.ts";
