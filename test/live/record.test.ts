/** Recordings: the same answer as a live trace, later, elsewhere, and from whatever a killed recorder leaves. */

import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  compileProgram,
  type Finished,
  type JsonReport,
  leakline,
  type Running,
  startLeakline,
  startTarget,
  type Target,
  traceWith,
} from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const LAYOUT_FLAGS = ["-DPROGRAM", "-DLIBRARY", "-g", "-O0"];
const FUNCTIONS = ["inner_leak", "library_leak", "program_leak", "main"];
let files = 0;
const newPath = (): string => join(folder, `recording-${++files}`);

function buildLayout(...flags: string[]): string {
  return compileProgram(folder, "layout", [...LAYOUT_FLAGS, ...flags]);
}

async function startRecording(pid: number, path: string, args: readonly string[] = []): Promise<Running> {
  const running = startLeakline(["record", "-p", String(pid), "-o", path, "-i", "3600", ...args]);
  await running.said("Ctrl-C ends");
  return running;
}

/** Lets the program leak 24 bytes so many times. */
async function leak(target: Target, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    target.go();
    await target.line();
  }
}

/** Waits until a reading is in the file. */
async function read(running: Running, path: string): Promise<void> {
  const before = statSync(path).size;
  running.child.kill("SIGUSR1");
  while (statSync(path).size === before) await setTimeout(10);
}

function report(path: string, ...args: string[]): JsonReport {
  const { stdout, stderr, code } = leakline(["report", path, "--json", ...args]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

function leakStack(found: JsonReport) {
  return found.stacks.find(({ blocks, bytes }) => blocks > 0 && bytes === 24 * blocks);
}

const symbols = (found: JsonReport) =>
  leakStack(found)
    ?.frames.slice(0, 4)
    .map(({ symbol }) => symbol);

/** A recording of a program that leaked three times between four readings and was then killed. */
async function recordLayout(program: string, path: string): Promise<void> {
  const target = await startTarget(program);
  const running = await startRecording(target.pid, path);
  for (let i = 0; i < 3; i++) {
    await leak(target, 1);
    await read(running, path);
  }
  running.child.kill("SIGTERM");
  expect((await running.finished).code).toBe(0);
  target.child.kill("SIGKILL");
  await target.exited;
}

/** One line for people on stderr, and never a stack trace. */
function expectOneLine({ stderr }: Finished): void {
  expect(stderr).toMatch(/^leakline: [^\n]+\n$/);
}

test("a report has the same stacks and totals as attach had on the same process", async () => {
  const path = newPath();
  const target = await startTarget(compileProgram(folder, "account"));
  const trace = await traceWith(target.pid);
  const recorder = await startRecording(target.pid, path);
  target.go();
  await target.line();
  const live = (await trace.done()).at(-1) as JsonReport;
  recorder.child.kill("SIGTERM");
  expect((await recorder.finished).code).toBe(0);
  target.go();
  expect(await target.exited).toBe(0);

  const later = report(path, "-n", "1000");
  const comparable = ({ stacks, totals }: JsonReport) => ({
    totals,
    stacks: stacks
      .map(({ class: kind, bytes, blocks, frames }) => ({
        kind,
        bytes,
        blocks,
        frames: frames.map(({ address, symbol, offset, file, line }) => ({ address, symbol, offset, file, line })),
      }))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
  });
  expect(live.totals.stacks).toBeGreaterThan(10);
  expect(comparable(later)).toEqual(comparable(live));
});

test("the recording is for its owner only, and is never overwritten", async () => {
  const path = newPath();
  const target = await startTarget(buildLayout());
  await startRecording(target.pid, path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = leakline(["record", "-p", String(target.pid), "-o", path, "-d", "1"]);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/exists already/);
  expectOneLine(second);
});

test("a process that cannot be recorded leaves no file", () => {
  const path = newPath();
  expect(leakline(["record", "-p", "2147480000", "-o", path]).code).toBe(4);
  expect(existsSync(path)).toBe(false);
});

test("after kill -9 of the recorder, everything up to the last reading is there", async () => {
  const path = newPath();
  const target = await startTarget(buildLayout());
  const running = await startRecording(target.pid, path);
  await leak(target, 5);
  await read(running, path);
  await leak(target, 4); // in no reading
  running.child.kill("SIGKILL");
  await running.finished;
  const found = report(path);
  expect(leakStack(found)).toMatchObject({ bytes: 5 * 24, blocks: 5 });
  expect(symbols(found)).toEqual(FUNCTIONS);
  target.child.kill("SIGKILL");
  await target.exited;
  expect(symbols(report(path))).toEqual(FUNCTIONS);
});

describe("the files that a recording needs", () => {
  /** What a report says of the four frames of the program when its file cannot be used. */
  function expectUnnamed(path: string, program: string, reason: RegExp, ...args: string[]): void {
    const frames = leakStack(report(path, ...args))?.frames.slice(0, 4) ?? [];
    expect(frames).toHaveLength(4);
    for (const frame of frames) {
      expect(frame.symbol).toBeUndefined();
      expect(frame).toMatchObject({ module: program, reason: expect.stringMatching(reason) });
    }
    const text = leakline(["report", path, ...args]).stdout;
    const name = program.slice(program.lastIndexOf("/") + 1);
    expect(text).toMatch(new RegExp(`^  0 \\[<[0-9a-f]{16}>\\] ${name}\\+0x[0-9a-f]+ \\(.+\\)$`, "m"));
  }

  test("are found below --sysroot when the originals are gone", async () => {
    const path = newPath();
    const program = buildLayout();
    await recordLayout(program, path);
    const root = join(folder, "root");
    mkdirSync(join(root, dirname(program)), { recursive: true });
    renameSync(program, join(root, program));
    const found = report(path, "--sysroot", root);
    expect(symbols(found)).toEqual(FUNCTIONS);
    expect(leakStack(found)).toMatchObject({ bytes: 3 * 24, blocks: 3 });
    expectUnnamed(path, program, /no such file/);
  });

  test.each([
    ["build ID", "-Wl,--build-id"],
    ["segments, where there is no build ID", "-Wl,--build-id=none"],
  ])("are refused when they differ in %s", async (_what, flag) => {
    const path = newPath();
    const program = buildLayout(flag);
    await recordLayout(program, path);
    renameSync(compileProgram(folder, "burst", ["-g", "-O0", flag]), program);
    expectUnnamed(
      path,
      program,
      flag.endsWith("none") ? /another file/ : /has build ID [0-9a-f]{40}, not [0-9a-f]{40}/,
    );
  });

  test("are reported as missing with module and offset", async () => {
    const path = newPath();
    const program = buildLayout();
    await recordLayout(program, path);
    unlinkSync(program);
    expectUnnamed(path, program, /no such file/);
  });

  test("spoil nothing when they are damaged", async () => {
    const path = newPath();
    const program = buildLayout();
    await recordLayout(program, path);
    truncateSync(program, 5000);
    const frames = leakStack(report(path))?.frames ?? [];
    expect(frames.length).toBeGreaterThan(4);
    expect(frames[4].module).toMatch(/libc/);
    expect(frames[4].symbol).toMatch(/^__libc_start/);
  });
});

describe("damage", () => {
  const original = newPath();
  let bytes: Buffer;
  beforeAll(async () => {
    await recordLayout(buildLayout(), original);
    bytes = readFileSync(original);
  });

  /** Whole chunks, read by the format's description: 12 bytes of file header; type, length and CRC-32 before each. */
  function chunks(): { start: number; end: number; type: number }[] {
    const found: { start: number; end: number; type: number }[] = [];
    for (let at = 12; at < bytes.length; ) {
      const end = at + 12 + bytes.readUInt32LE(at + 4);
      found.push({ start: at, end, type: bytes.readUInt32LE(at) });
      at = end;
    }
    return found;
  }

  /** Chunk type of a reading. */
  const INTERVAL = 6;

  /** How many times the program had leaked by the last reading that is whole before `end`. */
  function leaksBefore(end: number): number {
    return Math.min(3, chunks().filter((chunk) => chunk.type === INTERVAL && chunk.end <= end).length);
  }

  function expectReadable(damaged: Buffer, readings: number, isWhole: boolean): void {
    const path = newPath();
    writeFileSync(path, damaged);
    const { stdout, stderr, code } = leakline(["report", path, "--json"]);
    rmSync(path);
    expect(code, stderr).toBe(0);
    const found = JSON.parse(stdout) as JsonReport & { quality: { damage?: string } };
    if (readings === 0) expect(found.totals.blocks).toBe(0);
    else expect(leakStack(found)).toMatchObject({ bytes: readings * 24, blocks: readings });
    if (isWhole) return;
    expect(found.quality.damage).toMatch(/everything before it was read/);
    expect(stderr).toContain("everything before it was read");
  }

  test("the recording has a reading for each leak", () => {
    expect(chunks().filter(({ type }) => type === INTERVAL).length).toBeGreaterThanOrEqual(3);
  });

  test("a truncated recording gives what came before, and says so", () => {
    const ends = chunks().map(({ end }) => end);
    const cuts = [13, ...ends.flatMap((end) => [end - 1, end, end + 5])].filter((cut) => cut <= bytes.length);
    const chosen = cuts.filter((_, i) => i % Math.ceil(cuts.length / 12) === 0);
    expect(chosen.length).toBeGreaterThan(5);
    for (const cut of chosen) expectReadable(bytes.subarray(0, cut), leaksBefore(cut), [12, ...ends].includes(cut));
  });

  test("a flipped bit spoils only what comes after", () => {
    const all = chunks();
    const last = all.findLast(({ type }) => type === INTERVAL) as (typeof all)[number];
    const places = [all[0].start + 8, all[2].end - 1, last.start + 4, last.start + 9, last.end - 1];
    for (const place of places) {
      const damaged = Buffer.from(bytes);
      damaged[place] ^= 0x10;
      const hit = all.find(({ end }) => place < end) as (typeof all)[number];
      expectReadable(damaged, leaksBefore(hit.start), false);
    }
  });

  test.each([
    ["an empty file", Buffer.alloc(0)],
    ["a header cut short", Buffer.from("LEAKLI")],
    ["another file", readFileSync(new URL(import.meta.url))],
    ["a version from the future", Buffer.from("LEAKLINE\u00ff\0\0\0", "latin1")],
  ])("%s is refused in one line", (_what, content) => {
    const path = newPath();
    writeFileSync(path, content);
    const result = leakline(["report", path]);
    expect(result.code).toBe(1);
    expect(result.stdout).toBe("");
    expectOneLine(result);
  });
});

describe("a full disk", () => {
  const mount = join(folder, "small");
  afterAll(() => {
    spawnSync("umount", [mount]);
  });

  test("ends the recording with one clear line, and what was recorded stays", async () => {
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", mount]);
    const path = join(mount, "recording");
    const target = await startTarget(buildLayout());
    const running = await startRecording(target.pid, path);
    await leak(target, 2);
    await read(running, path);
    spawnSync("dd", ["if=/dev/zero", `of=${join(mount, "filler")}`, "bs=1k", "count=64"], { stdio: "ignore" });
    // Each leak makes a further reading; one of them no longer fits into the file's last page.
    for (let i = 0; i < 400 && running.child.exitCode === null; i++) {
      await leak(target, 1);
      running.child.kill("SIGUSR1");
      await setTimeout(20);
    }
    const result = await running.finished;
    expect(result.code).toBe(1);
    const said = result.stderr.trimEnd().split("\n");
    expect(said).toHaveLength(2); // that it records, and why it stopped
    expect(said[1]).toMatch(/^leakline: .*recording: writing failed: .*(ENOSPC|no space left).*\(make room/);
    const readable = join(folder, "from-full-disk");
    copyFileSync(path, readable);
    const blocks = leakStack(report(readable))?.blocks ?? 0;
    expect(blocks).toBeGreaterThanOrEqual(2);
    target.child.kill("SIGKILL");
  });
});
