/**
 * The public face of symbolize/: from an address to function, file and line.
 *
 *     openLocalModule(path)        one ELF file and its debug information; `find` takes virtual addresses
 *     openLiveProcess(pid)         a running process; `resolve` takes absolute addresses
 *     openLocalKernel({})          the kernel; `resolve` takes absolute addresses
 *     openLocalRecording(path)     a recording of `leakline record`; `symbolizer.resolveStack` takes its stacks
 *
 * These read files of this machine and need Node. What `core.ts` exports, `Symbolizer` and `Module` themselves, does no
 * I/O: with a `FileProvider` of your own they take files from anywhere.
 */

export * from "./core.ts";
export { type LiveProcess, openLiveProcess } from "./local/live-process.ts";
export { type LocalFilesOptions, localFiles } from "./local/local-files.ts";
export { type LocalKernelOptions, openLocalKernel } from "./local/local-kernel.ts";
export { openLocalModule } from "./local/local-module.ts";
export { type LocalRecording, openLocalRecording } from "./local/local-recording.ts";
