/** What a tracer may leave behind: eBPF programs and links in the kernel, breakpoints in the code of its target. */

import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";

/** `prog N` and `link N`, by their IDs in the kernel. */
export type KernelObjects = ReadonlySet<string>;

/** All eBPF programs and links there are, leakline's and others'; not those that somebody pinned, which leakline never does. */
export function kernelObjects(): KernelObjects {
  const ids = (kind: string): string[] => {
    const text = execFileSync("bpftool", ["--json", "--bpffs", kind, "list"], { encoding: "utf8" });
    const list = JSON.parse(text) as { id: number; pinned?: string[] }[];
    return list.filter(({ pinned }) => !pinned?.length).map(({ id }) => `${kind} ${id}`);
  };
  return new Set([...ids("prog"), ...ids("link")]);
}

/** Those that came since `before` and that no living process holds: somebody else may use eBPF meanwhile. */
export function leftInKernel(before: KernelObjects): string[] {
  const now = [...kernelObjects()].filter((object) => !before.has(object));
  if (now.length === 0) return now;
  const held = new Set(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => heldBy(pid)),
  );
  return now.filter((object) => !held.has(object));
}

/** The programs and links that a process has file descriptors of. */
export function heldBy(pid: number | string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      if (!readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("anon_inode:bpf")) return [];
      const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8");
      return [...text.matchAll(/^(prog|link)_id:\t(\d+)$/gm)].map(([, kind, id]) => `${kind} ${id}`);
    });
  } catch {
    return []; // the process, or its file descriptor, has just gone
  }
}

/** Where a process's code is not what is in its files: `path+0xOFFSET` of each byte. That is where probes are. */
export function changedCode(pid: number): string[] {
  const changed: string[] = [];
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
      const row = /^([0-9a-f]+)-([0-9a-f]+) r.x. ([0-9a-f]+) \S+ \d+ +(\/.*)$/.exec(line);
      if (!row) continue;
      const [start, end, offset] = row.slice(1, 4).map((word) => Number.parseInt(word, 16));
      const [inFile, inMemory] = [Buffer.alloc(end - start), Buffer.alloc(end - start)];
      readSync(memory, inMemory, 0, inMemory.length, start);
      readFrom(row[4], inFile, offset);
      if (inFile.equals(inMemory)) continue;
      for (let i = 0; i < inFile.length; i++)
        if (inFile[i] !== inMemory[i]) changed.push(`${row[4]}+0x${(offset + i).toString(16)}`);
    }
  } finally {
    closeSync(memory);
  }
  return changed;
}

/**
 * How often the kernel gave up removing a probe, since it was started: it does so when the task that it works for is being
 * killed. Such a probe is no longer anybody's and does nothing, but its place takes no probe of another kind any more.
 */
export function abandonedProbes(): number {
  const messages = execFileSync("dmesg", { encoding: "utf8", maxBuffer: 1 << 26 });
  return messages.split("leaking uprobe").length - 1;
}

/** Behind the end of the file stay zeros, as in memory. */
function readFrom(path: string, bytes: Buffer, offset: number): void {
  const file = openSync(path, "r");
  readSync(file, bytes, 0, bytes.length, offset);
  closeSync(file);
}
