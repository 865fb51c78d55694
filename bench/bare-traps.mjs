/**
 * What the kernel takes for the probes alone: malloc's entry and free of a process, where leakline's probes stand, with
 * programs that do nothing, malloc's return skipped as it is of what is no sample. `node bare-traps.mjs PID`, until SIGTERM.
 */

import { loadLibbpf } from "../dist/bpf/libbpf.js";
import { placeProbe } from "../dist/capture/probe-placement.js";
import { openFile } from "../dist/os/file-bytes.js";
import { findAllocatorLibraries } from "../dist/process/allocators.js";

const pid = Number(process.argv[2]);
const libbpf = await loadLibbpf();
if (!libbpf.hasSessions) throw new Error("this kernel has no uprobe sessions");
const object = libbpf.open(new URL("../bpf/probe-cost.x86_64.bpf.o", import.meta.url).pathname);
for (const other of ["probe_account", "probe_walk_start", "probe_walk"]) object.skipProgram(other);
object.setUprobeKind("probe_nothing", "entry");
object.setUprobeKind("probe_skipping", "session");
object.load();
const { module, functions } = findAllocatorLibraries(pid).find(({ functions }) =>
  functions.some(({ name }) => name === "malloc"),
);
const path = module.openedAs ?? module.path;
const file = openFile(path);
for (const [name, program, kind] of [
  ["free", "probe_nothing", "entry"],
  ["malloc", "probe_skipping", "session"],
]) {
  const { fileOffset, size } = functions.find((code) => code.name === name);
  const offset = fileOffset + placeProbe(file.read(fileOffset, size));
  object.attachUprobes(program, pid, path, [{ offset, cookie: 0n }], kind);
}
file.close();
console.error("attached");
setInterval(() => {}, 1 << 30);
