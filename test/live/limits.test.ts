/**
 * The three limitations that the tutorial's tool admits, as behaviour: programs without debug information, stripped
 * programs, 32-bit files; and the memory that debug information costs.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { addr2line } from "../support/address-oracle.ts";
import {
  compileProgram,
  type JsonFrame,
  type JsonReport,
  leakline,
  MAIN,
  ROOT,
  startLeakline,
  startTarget,
  traceWith,
} from "../support/live.ts";
import { needTools, run } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const LAYOUT = ["-DPROGRAM", "-DLIBRARY", "-O0"];
const FUNCTIONS = ["inner_leak", "library_leak", "program_leak", "main"];

/** Lets a program leak, and gives the four frames of it as JSON and as the lines of the text. */
async function traceLeak(program: string): Promise<{ frames: JsonFrame[]; lines: string[] }> {
  const target = await startTarget(program);
  const asJson = await traceWith(target.pid);
  const asText = startLeakline(["attach", String(target.pid), "-i", "3600"]);
  await asText.said("a report every");
  target.go();
  await target.line();
  const report = (await asJson.done()).at(-1) as JsonReport;
  asText.child.kill("SIGTERM");
  const { stdout } = await asText.finished;
  const stack = report.stacks.find(({ bytes, blocks }) => bytes === 24 && blocks === 1);
  const [, text] = stdout.split("total_size=24 nr_allocs=1\n");
  return { frames: stack?.frames.slice(0, 4) ?? [], lines: text.split("\n").slice(0, 4) };
}

test("a binary without -g gives names without lines, and says why", async () => {
  const { frames, lines } = await traceLeak(compileProgram(folder, "layout", LAYOUT));
  expect(frames.map(({ symbol }) => symbol)).toEqual(FUNCTIONS);
  for (const { file, line, reason } of frames) {
    expect([file, line]).toEqual([undefined, undefined]);
    expect(reason).toMatch(/no debug information.*compiled without -g/);
  }
  for (const [i, line] of lines.entries()) {
    expect(line).toMatch(new RegExp(`^  ${i} \\[<[0-9a-f]{16}>\\] ${FUNCTIONS[i]}\\+0x[0-9a-f]+$`));
  }
});

describe("a stripped binary", () => {
  test("gives module and offset, and says why", async () => {
    const program = compileProgram(folder, "layout", [...LAYOUT, "-s"]);
    const { frames, lines } = await traceLeak(program);
    expect(frames).toHaveLength(4);
    for (const [i, { symbol, module, moduleAddress, reason }] of frames.entries()) {
      expect([symbol, module]).toEqual([undefined, program]);
      expect(reason).toMatch(/stripped/);
      const place = `${basename(program)}+${moduleAddress}`;
      expect(lines[i]).toMatch(
        new RegExp(`^  ${i} \\[<[0-9a-f]{16}>\\] ${place.replace("+", "\\+")} \\(stripped: .*\\)$`),
      );
    }
  });

  test("gives the names that it exports, and no name of a neighbour to the others", async () => {
    const program = compileProgram(folder, "layout", [...LAYOUT, "-s", "-rdynamic"]);
    const { frames } = await traceLeak(program);
    const exported = execFileSync("nm", ["-D", "--defined-only", program], { encoding: "utf8" });
    const expected = FUNCTIONS.map((name) => (new RegExp(` T ${name}$`, "m").test(exported) ? name : undefined));
    expect(expected).toEqual([undefined, "library_leak", undefined, "main"]);
    expect(frames.map(({ symbol }) => symbol)).toEqual(expected);
    expect(frames[1]).toMatchObject({ symbolSource: expect.stringMatching(/\.dynsym$/) });
  });
});

describe.each([
  ["i686.so", "ELF32, little-endian"],
  ["powerpc.so", "ELF32, big-endian"],
  ["s390x.so", "ELF64, big-endian"],
])("%s (%s)", (name) => {
  test("symbolizes to what llvm-symbolizer says", (context) => {
    needTools(context, "llvm-symbolizer");
    const path = join(ROOT, "test", "fixtures", "layouts", name);
    const sizes = execFileSync("readelf", ["-sW", path], { encoding: "utf8" });
    const bounds = /^ +\d+: ([0-9a-f]+) +(\d+) FUNC +LOCAL .* inner_leak$/m.exec(sizes) ?? [];
    const [start, size] = [Number(`0x${bounds[1]}`), Number(bounds[2])];
    expect(size).toBeGreaterThan(10);
    const addresses = Array.from({ length: size }, (_, i) => `0x${(start + i).toString(16)}`);
    const { stdout, code } = leakline(["symbolize", "elf", "--path", path, "--json", ...addresses]);
    expect(code).toBe(0);
    const found = (JSON.parse(stdout).addresses as { frames: JsonFrame[] }[]).map(
      ({ frames: [{ symbol, file, line, column }] }) => `${symbol}\n${file}:${line}:${column}`,
    );
    const expected = run("llvm-symbolizer", "-e", path, ...addresses)
      .trimEnd()
      .split("\n\n");
    expect(found).toEqual(expected);
  });
});

test("one stack of a program with 30 MB of debug information costs under a tenth of it to read", (context) => {
  needTools(context, "strace");
  const program = join(folder, "large");
  execFileSync("sh", [join(ROOT, "bench", "large-program.sh"), program, "35"]);
  const sections = run("size", "-A", program).matchAll(/^\.debug_\w+ +(\d+)/gm);
  const debugBytes = [...sections].reduce((sum, [, size]) => sum + Number(size), 0);
  expect(debugBytes).toBeGreaterThan(29e6);

  const functions = ["alloc_v3", "alloc_v2", "alloc_v1", "main"];
  const starts = functions.map((name) => new RegExp(`^([0-9a-f]+) [tT] ${name}$`, "m").exec(run("nm", program))?.[1]);
  const addresses = starts.map((start) => Number(`0x${start}`) + 10);
  const log = join(folder, "reads");
  const words = addresses.map((address) => address.toString(16));
  const command = [process.execPath, MAIN, "symbolize", "elf", "--path", program, "--json", ...words];
  const traced = spawnSync(
    "strace",
    ["-f", "-y", "-o", log, "-e", "trace=read,pread64,readv,preadv,mmap", ...command],
    {
      encoding: "utf8",
    },
  );
  const answers = JSON.parse(traced.stdout).addresses as { frames: JsonFrame[] }[];
  expect(answers.map(({ frames: [{ symbol, file, line }] }) => ({ symbol, file, line }))).toEqual(
    addresses.map((address) => addr2line(program, address)),
  );

  const calls = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line.includes(`<${program}>`));
  expect(calls.filter((line) => line.includes("mmap("))).toEqual([]);
  const bytesRead = calls.reduce((sum, line) => sum + Number(/ = (\d+)$/.exec(line)?.[1] ?? 0), 0);
  expect(bytesRead).toBeGreaterThan(1000);
  expect(bytesRead).toBeLessThan(debugBytes / 10);
});
