/**
 * A recording is resolved on another machine: with the recorded binaries below a sysroot, and never with others. The
 * oracles are readelf for the layout and the build ID, nm and addr2line for names and lines.
 */

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../../test/support/oracle.ts";
import { encodeRecording } from "../../../test/support/recording-events.ts";
import { noLosses, type RecordingEvent } from "../../recording/events.ts";
import { openLocalRecording } from "../index.ts";

const SOURCE = fileURLToPath(new URL("../../../demo/test_memleak.c", import.meta.url));
/** Where the device has the program, and where in its memory. */
const DEVICE_PATH = "/opt/app/test_memleak";
const BASE = 0x55d000000000n;
const PAGE = 4096;
const TOOLS = ["gcc", "readelf", "objdump", "nm", "addr2line"];

test.for<[string, string[]]>([
  ["segments at their offsets", ["-Wl,-z,separate-code"]],
  ["segments that share pages", ["-Wl,-z,noseparate-code"]],
  ["a code segment that is not at its offset", ["-Wl,-z,separate-code,-Ttext-segment=0x40000", "-no-pie"]],
])("a stack is resolved with the binary below the sysroot: %s", ([, flags], context) => {
  needTools(context, ...TOOLS);
  const { folder, program, events, callOf } = recordedProgram(flags);
  const sysroot = join(folder, "root");
  mkdirSync(dirname(sysroot + DEVICE_PATH), { recursive: true });
  copyFileSync(program, sysroot + DEVICE_PATH);

  const { recording, symbolizer, damage } = openLocalRecording(writeRecording(folder, events), { sysroots: [sysroot] });
  const stack = recording.stacks.get(1);
  expect(damage).toBeUndefined();
  expect(symbolizer.resolveStack(stack as NonNullable<typeof stack>)).toMatchObject([
    { symbol: "alloc_v3", offset: callOf("alloc_v3").offset, ...callOf("alloc_v3").place },
    { symbol: "main", offset: callOf("main").offset, ...callOf("main").place },
  ]);
});

test("a binary with another build ID is never used, and the reason names both", (context) => {
  needTools(context, ...TOOLS);
  const { folder, program, events, buildId } = recordedProgram([]);
  const sysroot = join(folder, "root");
  mkdirSync(dirname(sysroot + DEVICE_PATH), { recursive: true });
  run("gcc", "-O2", "-o", sysroot + DEVICE_PATH, SOURCE);
  const { recording, symbolizer } = openLocalRecording(writeRecording(folder, events), { sysroots: [sysroot] });
  const stack = recording.stacks.get(1);
  for (const frame of symbolizer.resolveStack(stack as NonNullable<typeof stack>)) {
    expect(frame.symbol).toBeUndefined();
    expect(frame.reason).toContain(buildId);
    expect(frame.reason).toContain(buildIdOf(sysroot + DEVICE_PATH));
  }
  expect(buildIdOf(program)).toBe(buildId);
});

function writeRecording(folder: string, events: readonly RecordingEvent[]): string {
  const path = join(folder, "leak.rec");
  writeFileSync(path, encodeRecording(events));
  return path;
}

type Call = { address: number; offset: number; place: { file: string; line: number } };

/** The demo program, compiled, and what a recording of it would hold: a stack through alloc_v3 and main. */
function recordedProgram(flags: readonly string[]) {
  const folder = temporaryDirectory();
  const program = join(folder, "test_memleak");
  run("gcc", "-g", "-O0", ...flags, "-o", program, SOURCE);
  const callOf = (name: string): Call => firstCallIn(program, name);
  const [, offset, address, fileSize, memorySize] = (
    run("readelf", "-lW", program).match(/LOAD +(\w+) (\w+) \w+ (\w+) (\w+) R E/) ?? []
  ).map(Number);
  const start = BASE + BigInt(address - (address % PAGE));
  const mapping = { start, end: start + 0x10000n, offset: offset - (offset % PAGE), file: 1, label: "" };
  const buildId = buildIdOf(program);
  const addresses = ["alloc_v3", "main"].map((name) => BASE + BigInt(callOf(name).address));
  const segments = [{ offset, fileSize, address, memorySize, flags: 5 }];
  const totals = [{ stack: 1, bytes: 4, blocks: 1, allocatedBytes: 4, allocatedBlocks: 1 }];
  const file = { file: 1, path: DEVICE_PATH, deviceMajor: 1, deviceMinor: 2, inode: 3n, buildId, segments };
  const events: RecordingEvent[] = [
    { kind: "file", ...file },
    { kind: "mappings", time: 1, pid: 7, mappings: [mapping] },
    { kind: "stack", stack: 1, pid: 7, class: "heap", end: "end", addresses, verified: 2 },
    { kind: "interval", time: 2, totals, losses: noLosses() },
  ];
  return { folder, program, events, callOf, buildId };
}

/** Where the first call in a function returns to, and the line of the call. */
function firstCallIn(program: string, name: string): Call {
  const code = run("objdump", "-d", "--no-show-raw-insn", `--disassemble=${name}`, program);
  const address = Number.parseInt(code.match(/\tcall .*\n +([0-9a-f]+):/)?.[1] ?? "", 16);
  const start = Number.parseInt(run("nm", program).match(new RegExp(`^(\\w+) . ${name}$`, "m"))?.[1] ?? "", 16);
  const [file, line] = run("addr2line", "-e", program, (address - 1).toString(16))
    .trim()
    .split(/:| /);
  return { address, offset: address - start, place: { file, line: Number(line) } };
}

function buildIdOf(program: string): string {
  return run("readelf", "-n", program).match(/Build ID: (\w+)/)?.[1] ?? "none";
}
