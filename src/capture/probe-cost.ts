/**
 * What a probe costs on this machine, measured now, without touching any process but our own.
 *
 * The kernel's part (a trap, perhaps a second one) depends on the processor and, by a factor of ten, on whether the
 * machine is virtual: no constant would be right. So a function of the C library is probed in our own process, with
 * programs that do what those of a trace do (bpf/probe-cost.bpf.c), and called in a loop.
 *
 * The loop must be native: a call from JavaScript costs as much as a small probe. `lfind` of the C library calls a
 * function once for each element of an array until it returns 0; with elements of size 0 there is no array to it.
 */

import { arch } from "node:os";
import { virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { type Libbpf, loadLibbpf } from "../bpf/libbpf.ts";
import { openElf, readSymbols, virtualToFileOffset } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { loadNativeLibrary } from "../os/native.ts";
import { packageFile } from "../os/package-file.ts";
import { STT_FUNC } from "../process/constants.ts";
import { readMaps } from "../process/live-maps.ts";
import { findEmulated } from "./probe-placement.ts";
import { canWalkByTables } from "./program.ts";

/** All in nanoseconds. */
export type ProbeCosts = {
  /** A probe on an instruction that the kernel emulates, with an empty program. */
  readonly emulated: number;
  /** The same on one that the process executes out of line. */
  readonly outOfLine: number;
  /** What a probe of the function's return adds. */
  readonly atReturn: number;
  /** What an allocation and its free do besides, however deep the stack is: map operations, the walk's start. */
  readonly account: number;
  /** Each frame of the stack walk by unwind tables; 0 where the kernel cannot. */
  readonly frame: number;
};

/** As in bpf/probe-cost.bpf.c. */
const FRAMES = 32;

/** Functions of the C library that give another number than 0 for this argument, and change nothing. */
const PROBED_FUNCTIONS = ["toupper", "tolower", "abs", "labs"];
const ARGUMENT = 65;

/** Calls of the probed function in a row, and how often: the fastest counts, it was interrupted least. */
const CALLS = 500;
const REPEATS = 9;

/**
 * Takes half a second or so.
 *
 * @throws LeaklineError `permission`, or `unsupported` when this machine cannot trace or its C library has no function
 *   to measure with.
 */
export async function measureProbeCosts(): Promise<ProbeCosts> {
  if (arch() !== "x64") throw new LeaklineError("unsupported", "the cost is only known how to measure on x86-64");
  const libbpf = await loadLibbpf();
  const probed = findProbed();
  const call = await bindCalls(probed.address);
  const bare = fastest(call);
  const cost = (program: string, distance = probed.emulated, atReturn = false): number =>
    withProbe(libbpf, { program, path: probed.path, offset: probed.offset + distance, atReturn }, () => fastest(call)) -
    bare;

  const emulated = cost("probe_nothing");
  const walks = canWalkByTables();
  const walkStart = walks ? cost("probe_walk_start") : emulated;
  const above = (whole: number): number => Math.max(0, Math.round(whole - emulated));
  return {
    emulated: Math.round(emulated),
    outOfLine: Math.round(cost("probe_nothing", 0)),
    atReturn: above(cost("probe_nothing", probed.emulated, true)),
    account: above(cost("probe_account")) + above(walkStart),
    frame: walks ? Math.max(0, Math.round((cost("probe_walk") - walkStart) / FRAMES)) : 0,
  };
}

type ProbedFunction = {
  readonly path: string;
  /** File offset of its first instruction, which the kernel does not emulate. */
  readonly offset: number;
  /** How far behind it one stands that it does. */
  readonly emulated: number;
  /** In our own memory. */
  readonly address: bigint;
};

/** A function of our own C library with an instruction of either kind, both executed in each call. */
function findProbed(): ProbedFunction {
  const mapping = readMaps(process.pid).find(
    ({ path, permissions }) => permissions.execute && /\/libc\.so\.6$/.test(path),
  );
  if (!mapping) throw new LeaklineError("unsupported", "this process has no libc.so.6 to measure with");
  const file = openFile(mapping.path);
  try {
    const elf = openElf(file);
    const symbols = readSymbols(elf, ".dynsym");
    for (let row = 1; symbols && row < symbols.count; row++) {
      if (symbols.type(row) !== STT_FUNC || !PROBED_FUNCTIONS.includes(symbols.name(row))) continue;
      const offset = virtualToFileOffset(elf.segments, virtualAddress(symbols.values[row]));
      if (offset === undefined) continue;
      const emulated = findEmulated(file.read(offset, symbols.sizes[row]));
      if (emulated === undefined || emulated === 0) continue;
      return { path: mapping.path, offset, emulated, address: mapping.start + BigInt(offset - mapping.offset) };
    }
  } finally {
    file.close();
  }
  throw new LeaklineError("unsupported", `${mapping.path} has no function to measure with`);
}

/** @returns a function that lets the C library call the one at `address` so many times. */
async function bindCalls(address: bigint): Promise<(times: number) => void> {
  const libc = await loadNativeLibrary("libc.so.6", "leakline traces on systems with glibc");
  const find = libc.bind<(key: number, base: number, count: BigUint64Array, size: number, compare: bigint) => unknown>(
    "void *lfind(long key, long base, void *count, long size, long compare)",
  );
  const count = new BigUint64Array(1);
  return (times) => {
    count[0] = BigInt(times);
    find(ARGUMENT, 0, count, 0, address);
  };
}

/** Nanoseconds a call. */
function fastest(call: (times: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const start = process.hrtime.bigint();
    call(CALLS);
    best = Math.min(best, Number(process.hrtime.bigint() - start));
  }
  return best / CALLS;
}

type Probe = {
  readonly program: string;
  readonly path: string;
  readonly offset: number;
  /** Fire at the function's return as well. */
  readonly atReturn: boolean;
};

const PROGRAMS = ["probe_nothing", "probe_skipping", "probe_account", "probe_walk_start", "probe_walk"];

function withProbe<T>(libbpf: Libbpf, { program, path, offset, atReturn }: Probe, use: () => T): T {
  const object = libbpf.open(packageFile("bpf/probe-cost.x86_64.bpf.o"));
  const places = [{ offset, cookie: 0n }];
  try {
    for (const other of PROGRAMS) if (other !== program) object.skipProgram(other);
    object.setUprobeKind(program, "entry");
    object.load();
    object.attachUprobes(program, process.pid, path, places, "entry");
    if (atReturn) object.attachUprobes(program, process.pid, path, places, "return");
    return use();
  } finally {
    object.close();
  }
}
