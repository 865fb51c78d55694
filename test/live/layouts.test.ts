/** However a program was linked, and whatever became of its file: the names are right, or there is a reason. */

import { copyFileSync, renameSync, unlinkSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  addr2line,
  addr2lines,
  nmBounds,
  nmFunction,
  placeOf,
  readMapsText,
  virtualAddressOf,
} from "../support/address-oracle.ts";
import {
  compileProgram,
  type JsonFrame,
  type JsonReport,
  leakline,
  startTarget,
  type Target,
  traceWith,
} from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();

type Layout = { program: string; files: readonly string[]; functions: readonly string[] };

function buildProgram(...flags: string[]): Layout {
  const program = compileProgram(folder, "layout", ["-DPROGRAM", "-DLIBRARY", "-g", "-O0", ...flags]);
  return { program, files: [program], functions: ["inner_leak", "library_leak", "program_leak", "main"] };
}

function buildWithLibrary(): Layout {
  const library = compileProgram(folder, "layout", ["-DLIBRARY", "-g", "-O0", "-shared", "-fPIC"]);
  const program = compileProgram(folder, "layout", ["-DPROGRAM", "-g", "-O0", library]);
  return { program, files: [library, program], functions: ["inner_leak", "library_leak", "program_leak", "main"] };
}

const LAYOUTS = [
  ["one segment at offset 0 (noseparate-code)", () => buildProgram("-Wl,-z,noseparate-code")],
  ["several segments (separate-code)", () => buildProgram("-Wl,-z,separate-code")],
  ["PIE", () => buildProgram("-pie", "-fPIE")],
  ["no PIE", () => buildProgram("-no-pie", "-fno-pie")],
  ["no PIE, noseparate-code", () => buildProgram("-no-pie", "-fno-pie", "-Wl,-z,noseparate-code")],
  ["linked by lld", () => buildProgram("-fuse-ld=lld")],
  ["a shared library", buildWithLibrary],
] as const;

/** Lets the program leak while it is traced, and gives the frames of the leaking stack that lie in its files. */
async function traceLeak(target: Target, meanwhile = (): void => {}): Promise<JsonFrame[]> {
  const trace = await traceWith(target.pid);
  meanwhile();
  target.go();
  await target.line();
  const report = (await trace.done()).at(-1) as JsonReport;
  const leak = report.stacks.find(({ bytes, blocks }) => bytes === 24 && blocks === 1);
  return (leak?.frames ?? []).slice(0, 4);
}

/** Compares frames with nm and addr2line. `kept` says where a file of the process lies for the oracles. */
function checkFrames(frames: readonly JsonFrame[], maps: string, kept: (file: string) => string): void {
  for (const { address, symbol, offset, file, line, module, moduleAddress } of frames) {
    const place = placeOf(maps, BigInt(address));
    const path = kept(place.file);
    const virtual = virtualAddressOf(path, place.fileOffset);
    expect({ module, moduleAddress }).toEqual({ module: place.file, moduleAddress: `0x${virtual.toString(16)}` });
    expect({ symbol, file, line }).toEqual(addr2line(path, virtual - 1));
    expect({ names: [symbol], offset }).toEqual(nmFunction(path, virtual));
  }
}

function symbolize(...args: string[]): { address: string; frames: JsonFrame[] }[] {
  const { stdout, stderr, code } = leakline(["symbolize", ...args, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).addresses;
}

const unchanged = (path: string): string => path;

describe.each(LAYOUTS)("%s", (_name, build) => {
  test("attach, symbolize process and symbolize elf give what nm and addr2line give", async () => {
    const { program, files, functions } = build();
    const target = await startTarget(program);
    const maps = readMapsText(target.pid);
    const frames = await traceLeak(target);
    expect(frames.map(({ symbol }) => symbol)).toEqual(functions);
    checkFrames(frames, maps, unchanged);

    const addresses = frames.map(({ address }) => address);
    const inProcess = symbolize("process", "--pid", String(target.pid), "--return-addresses", ...addresses);
    checkFrames(
      inProcess.map((answer) => answer.frames[0]),
      maps,
      unchanged,
    );

    // Without --return-addresses the address itself is looked up.
    for (const path of files) {
      const mine = addresses.map((address) => placeOf(maps, BigInt(address))).filter(({ file }) => file === path);
      const offsets = mine.map(({ fileOffset }) => fileOffset);
      const virtuals = offsets.map((offset) => virtualAddressOf(path, offset));
      const expected = virtuals.map((virtual) => ({ ...addr2line(path, virtual), ...nmFunction(path, virtual) }));
      const byVirtual = symbolize("elf", "--path", path, ...virtuals.map((value) => value.toString(16)));
      const byOffset = symbolize(
        "elf",
        "--path",
        path,
        "--file-offset",
        ...offsets.map((value) => `0x${value.toString(16)}`),
      );
      for (const answers of [byVirtual, byOffset]) {
        const found = answers.map(({ frames: [{ symbol, offset, file, line }] }) => ({
          symbol,
          names: [symbol],
          offset,
          file,
          line,
        }));
        expect(found).toEqual(expected);
      }
    }
  });

  test("every address of its functions resolves to what addr2line gives", () => {
    const { files, functions } = build();
    for (const path of files) {
      const addresses = functions.flatMap((name) => {
        const { start, size } = nmBounds(path, name) ?? { start: 0, size: 0 };
        return Array.from({ length: size }, (_, i) => start + i);
      });
      expect(addresses.length).toBeGreaterThan(50);
      const answers = symbolize("elf", "--path", path, ...addresses.map((address) => address.toString(16)));
      const found = answers.map(({ frames: [{ symbol, file, line }] }) => ({ symbol, file, line }));
      expect(found).toEqual(addr2lines(path, addresses));
    }
  });
});

describe.each([
  ["with a build ID", "-Wl,--build-id"],
  ["without a build ID", "-Wl,--build-id=none"],
])("a file that is gone or changed, %s", (_name, flag) => {
  /** A program, and a copy of it for the oracles. */
  function buildAndKeep(): { program: string; kept: (file: string) => string } {
    const { program } = buildProgram(flag);
    const copy = `${program}.kept`;
    copyFileSync(program, copy);
    return { program, kept: (file) => (file === program ? copy : file) };
  }

  /** Puts another program with other functions in its place. */
  function replace(program: string): void {
    const other = compileProgram(folder, "burst", ["-g", "-O0", flag]);
    renameSync(other, program);
  }

  test.each([
    ["deleted", unlinkSync],
    ["replaced", replace],
  ])("an executable that was %s before the attach keeps its names", async (_what, change) => {
    const { program, kept } = buildAndKeep();
    const target = await startTarget(program);
    const maps = readMapsText(target.pid);
    change(program);
    const frames = await traceLeak(target);
    expect(frames).toHaveLength(4);
    checkFrames(frames, maps, kept);
    const addresses = frames.map(({ address }) => address);
    const answers = symbolize("process", "--pid", String(target.pid), "--return-addresses", ...addresses);
    checkFrames(
      answers.map((answer) => answer.frames[0]),
      maps,
      kept,
    );
  });

  test.each([
    ["deleted", unlinkSync],
    ["replaced", replace],
  ])("an executable that is %s during the trace keeps its names", async (_what, change) => {
    const { program, kept } = buildAndKeep();
    const target = await startTarget(program);
    const maps = readMapsText(target.pid);
    const frames = await traceLeak(target, () => change(program));
    expect(frames).toHaveLength(4);
    checkFrames(frames, maps, kept);
  });

  test("the names of a replaced executable stay right after the process has exited", async () => {
    const { program, kept } = buildAndKeep();
    const target = await startTarget(program);
    const maps = readMapsText(target.pid);
    const trace = await traceWith(target.pid);
    target.go();
    await target.line();
    replace(program);
    target.child.kill("SIGKILL");
    const { stdout, code } = await trace.running.finished;
    expect(code).toBe(0);
    const report = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string) as JsonReport;
    const leak = report.stacks.find(({ bytes, blocks }) => bytes === 24 && blocks === 1);
    const frames = leak?.frames.slice(0, 4) ?? [];
    expect(frames).toHaveLength(4);
    checkFrames(frames, maps, kept);
  });
});
