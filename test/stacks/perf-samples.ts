/**
 * Stacks of a running process as perf sees them: at calls that leakline sees too, unwound later by libunwind or libdw.
 *
 * perf samples the entry of allocating functions by probes of its own, and copies the registers and the upper 64 kB of
 * the stack. The kernel runs perf's and leakline's handlers one after the other for the same call. So for each sample
 * there is one call that leakline walked in the same state, and its stack must be in the recording, whatever threads,
 * generated code and random addresses the process has.
 */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { run } from "../support/oracle.ts";

export type PerfSamples = {
  /**
   * From the allocating function's caller on, innermost first. perf gives the address before a return address; where a
   * signal has interrupted a function, the exact one.
   */
  stacks: bigint[][];
  /** Samples in calls that are part of another allocator call: leakline does not take their stacks. */
  nested: number;
};

/** The others of an allocator are rarely called, or call these, as operator new does. */
const FUNCTIONS = ["malloc", "calloc", "realloc", "posix_memalign"];
const TRACING = "/sys/kernel/tracing";
const EVENTS = `${TRACING}/uprobe_events`;
/** Bytes; the most that the kernel copies. */
const STACK_SIZE = 65_528;

/** Run by perf itself, for each sample. */
const SCRIPT = `
def trace_unhandled(name, context, fields, sample):
    print(" ".join("%x" % entry["ip"] for entry in fields["common_callchain"]))
`;

/**
 * Samples the process for some seconds.
 *
 * @param folder for perf's files.
 * @param rate samples a second.
 */
export async function takePerfSamples(
  pid: number,
  folder: string,
  seconds: number,
  rate: number,
): Promise<PerfSamples> {
  const group = `leakline_stacks_${pid}`;
  addProbes(pid, group);
  const data = join(folder, "perf.data");
  try {
    const record = [
      "record",
      "-q",
      "-e",
      `${group}:*`,
      "-p",
      String(pid),
      "-F",
      String(rate),
      "-m",
      "4096",
      "-o",
      data,
    ];
    const perf = spawn("perf", [...record, "--call-graph", `dwarf,${STACK_SIZE}`], { stdio: "ignore" });
    const exit = once(perf, "exit");
    await setTimeout(seconds * 1000);
    perf.kill("SIGINT");
    await exit;
  } finally {
    await removeProbes(group);
  }
  return readSamples(folder, data, trampolines(pid));
}

/** A probe of its own for each function: `p:GROUP/NAME PATH:OFFSET` (kernel, Documentation/trace/uprobetracer.rst). */
function addProbes(pid: number, group: string): void {
  const files = [...new Set(readFileSync(`/proc/${pid}/maps`, "utf8").match(/\/.*$/gm))];
  const isLibc = (path: string): boolean => /\/(libc|ld-linux-x86-64)\.so/.test(path);
  // Of two files that define a function, libc's is not the one that is used.
  const wanted = new Set(FUNCTIONS);
  if (!existsSync(EVENTS)) execFileSync("mount", ["-t", "tracefs", "tracefs", TRACING]);
  for (const path of files.sort((a, b) => Number(isLibc(a)) - Number(isLibc(b)))) {
    for (const [name, offset] of functionsOf(path)) {
      if (wanted.delete(name)) appendFileSync(EVENTS, `p:${group}/${name} ${path}:0x${offset.toString(16)}\n`);
    }
  }
}

async function removeProbes(group: string): Promise<void> {
  const names = readFileSync(EVENTS, "utf8").matchAll(/^p:(\w+)\/(\w+) /gm);
  for (const [, of, name] of names) {
    if (of !== group) continue;
    for (let tries = 1; ; tries++) {
      try {
        appendFileSync(EVENTS, `-:${group}/${name}\n`);
        break;
      } catch (error) {
        // perf has ended, but the kernel is not done with its events.
        if ((error as NodeJS.ErrnoException).code !== "EBUSY" || tries === 100) throw error;
        await setTimeout(50);
      }
    }
  }
}

/** Names and file offsets of the functions wanted that a file defines. */
function functionsOf(path: string): [name: string, offset: number][] {
  if (!/^\/(?!dev\/).*(\.so|\/[^.]*$)/.test(path)) return [];
  let text: string;
  try {
    text = run("nm", "-D", "--defined-only", path) + run("nm", "--defined-only", path);
  } catch {
    return []; // no ELF file
  }
  const loads = [...run("readelf", "-lW", path).matchAll(/^ *LOAD +(0x\w+) (0x\w+) 0x\w+ (0x\w+)/gm)];
  return [...text.matchAll(/^(\w+) [TW] (\w+)(@.*)?$/gm)].flatMap(([, value, name]) => {
    const address = Number.parseInt(value, 16);
    const load = loads.find(
      (fields) => address >= Number(fields[2]) && address < Number(fields[2]) + Number(fields[3]),
    );
    return load ? [[name, address - Number(load[2]) + Number(load[1])]] : [];
  });
}

function readSamples(folder: string, data: string, [start, end]: readonly [bigint, bigint]): PerfSamples {
  const script = join(folder, "samples.py");
  writeFileSync(script, SCRIPT);
  const lines = run("perf", "script", "-i", data, "--no-inline", "--max-stack", "400", "-s", script).split("\n");
  const samples: PerfSamples = { stacks: [], nested: 0 };
  for (const line of lines) {
    const frames = line.split(" ").map((address) => BigInt(`0x${address || "0"}`));
    if (frames.length < 2) continue;
    // The address before the return address.
    if (frames.some((address) => address + 1n >= start && address < end)) samples.nested++;
    else samples.stacks.push(frames.slice(1));
  }
  return samples;
}

/** The mapping that functions with a return probe return to: such a one stands where another allocating function is called. */
function trampolines(pid: number): readonly [bigint, bigint] {
  const match = /^(\w+)-(\w+) .*\[uprobes\]$/m.exec(readFileSync(`/proc/${pid}/maps`, "utf8"));
  return match ? [BigInt(`0x${match[1]}`), BigInt(`0x${match[2]}`)] : [0n, 0n];
}
