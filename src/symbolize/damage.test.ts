/**
 * One damaged part spoils only itself: a section, a file of a stack, a debug file.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openBytes } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { addressOf, testFiles } from "../../test/support/symbolize-files.ts";
import { virtualAddress } from "../base/address.ts";
import { memorySource } from "../base/bytes.ts";
import { Recording } from "../recording/recording.ts";
import { Module, type ModuleFrame } from "./module.ts";
import { Symbolizer } from "./symbolizer.ts";

const CODE = `
static inline __attribute__((always_inline)) int inner(int x) { return x * x + 3; }
__attribute__((noinline)) int outer(int x) { return inner(x) / inner(x + 1); }
`;

function build(...flags: string[]): { path: string; bytes: Buffer; address: number } {
  const [source, path] = ["a.c", "lib.so"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(source, CODE);
  run("gcc", "-shared", "-fPIC", "-nostdlib", "-O1", "-g", "-Wl,--build-id=none", ...flags, "-o", path, source);
  return { path, bytes: readFileSync(path), address: addressOf(path, "outer") + 4 };
}

function find(bytes: Uint8Array, address: number): { frames: ModuleFrame[]; problems: string[] } {
  const module = new Module(openBytes("lib.so", bytes), "/lib.so", testFiles({ roots: [] }));
  return { frames: module.find(virtualAddress(address), false), problems: module.problems };
}

/** The file with a section's first bytes overwritten, or its header made to point outside of the file. */
function damage(original: Uint8Array, name: string, how: "bytes" | "header"): Uint8Array {
  const bytes = Buffer.from(original);
  const section = openBytes("original", original).section(name)!;
  if (how === "bytes") bytes.fill(0xff, section.offset, section.offset + Math.min(section.size, 64));
  else bytes.writeBigUInt64LE(1n << 40n, Number(bytes.readBigUInt64LE(40)) + section.index * 64 + 24);
  return bytes;
}

test.for([
  [".debug_info", ["outer"]],
  [".debug_abbrev", ["outer"]],
  [".debug_line", ["inner", "outer"]],
  [".debug_str", ["outer"]],
  [".debug_aranges", ["inner", "outer"]],
  [".symtab", ["inner", "outer"]],
  [".strtab", ["inner", "outer"]],
  [".dynsym", ["inner", "outer"]],
  [".eh_frame", ["inner", "outer"]],
] as const)("damage to %s leaves the other parts, and is told", ([name, names], context) => {
  needTools(context, "gcc", "nm");
  const { bytes, address } = build();
  const sound = find(bytes, address);
  expect(sound.frames.map(({ symbol }) => symbol)).toEqual(["inner", "outer"]);
  expect(sound.frames[1].reason).toBeUndefined();
  for (const how of ["header", "bytes"] as const) {
    const { frames, problems } = find(damage(bytes, name, how), address);
    const last = frames.at(-1);
    // The symbol table still names the function when the debug information does not, and the other way round.
    expect(last, how).toMatchObject({ symbol: "outer", offset: 4 });
    if (how === "header") expect(frames.map(({ symbol }) => symbol ?? "")).toEqual(expect.arrayContaining([...names]));
    if (how === "header" && [".debug_info", ".debug_abbrev", ".debug_line", ".symtab"].includes(name))
      expect([last?.reason, ...problems].join("\n")).toContain(name);
    if (name === ".debug_line") expect(frames[0].line).toBeUndefined();
    else if (!name.startsWith(".debug_")) expect(frames[0].line).toBe(2);
  }
});

test("a compressed section that lies about its size", (context) => {
  needTools(context, "gcc", "nm");
  const { bytes, address } = build("-gz");
  const section = openBytes("original", bytes).section(".debug_info")!;
  // ch_size, behind ch_type and ch_reserved
  bytes.writeBigUInt64LE(1n << 50n, section.offset + 8);
  const { frames } = find(bytes, address);
  expect(frames).toMatchObject([{ symbol: "outer", offset: 4, reason: expect.stringContaining(".debug_info") }]);
});

test("hole 1: in one stack, a garbage file, a damaged debug file and a good one each have their own answer", (context) => {
  needTools(context, "gcc", "nm", "objcopy", "strip");
  const good = build();
  const stripped = build();
  run("objcopy", "--only-keep-debug", stripped.path, `${stripped.path}.debug`);
  run("strip", stripped.path);
  run("objcopy", `--add-gnu-debuglink=${stripped.path}.debug`, stripped.path);
  writeFileSync(`${stripped.path}.debug`, "broken");
  const garbage = join(temporaryDirectory(), "data.bin");
  writeFileSync(garbage, "not an ELF file, and mapped executable all the same");
  const paths = [good.path, garbage, stripped.path, "/gone/lib.so"];
  const recording = new Recording();
  for (const [file, path] of paths.entries()) {
    const { segments } = file === 0 || file === 2 ? openBytes(path, readFileSync(path)) : { segments: [] };
    recording.apply({
      kind: "file",
      file,
      path,
      deviceMajor: 8,
      deviceMinor: 1,
      inode: 1n,
      buildId: "",
      segments: segments.filter(({ type }) => type === 1).map((segment) => ({ ...segment })),
    });
  }
  const base = (file: number): bigint => 0x7f0000000000n + BigInt(file) * 0x1000000n;
  recording.apply({
    kind: "mappings",
    time: 1,
    pid: 7,
    // Small libraries: offsets equal addresses.
    mappings: paths.map((_, file) => ({ start: base(file), end: base(file) + 0x100000n, offset: 0, file, label: "" })),
  });
  const addresses = [
    base(1) + 0x10n,
    base(0) + BigInt(good.address),
    0x1234n,
    base(2) + BigInt(stripped.address),
    base(3) + 0x10n,
    base(0) + BigInt(good.address),
  ];
  const stack = { kind: "stack", stack: 1, pid: 7, class: "heap", end: "end", addresses, verified: 6 } as const;
  recording.apply({ ...stack, addresses: [...addresses] });
  const symbolizer = new Symbolizer(recording, testFiles());
  const frames = symbolizer.resolveStack({ ...stack, addresses: [...addresses] });
  const outer = frames.filter(({ inlined }) => !inlined);
  expect(outer.map(({ symbol }) => symbol)).toEqual([undefined, "outer", undefined, "outer", undefined, "outer"]);
  expect(outer.map(({ address }) => address)).toEqual(addresses);
  expect(frames.filter(({ inlined }) => inlined).map(({ symbol }) => symbol)).toEqual(["inner", "inner"]);
  const reasons = outer.map(({ reason }) => reason ?? "");
  expect(reasons[0]).not.toBe("");
  expect(reasons[2]).toBe("not in any executable mapping");
  expect(reasons[3]).toContain("no debug information");
  expect(reasons[4]).not.toBe("");
  const problems = symbolizer.problems().join("\n");
  expect(problems).toContain("not an ELF file");
  expect(problems).toContain(`${stripped.path}.debug`);
});

test("whatever bytes change, a module answers: with a name, or with a reason", (context) => {
  needTools(context, "gcc", "nm");
  const { bytes: original, address } = build("-gz");
  const change = fc.tuple(fc.nat(original.length - 1), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
      const bytes = Uint8Array.from(original);
      // The magic stays: a file without it is no module.
      for (const [at, value] of changes) if (at > 6) bytes[at] = value;
      const source = memorySource("hostile", bytes);
      const module = new Module(openBytes(source.name, bytes), "/hostile", testFiles({ roots: [] }));
      for (const at of [address, address + 1, 0, -1, 0x1000]) {
        const frames = module.find(virtualAddress(at), true);
        expect(frames.length).toBeGreaterThan(0);
        const last = frames.at(-1);
        expect(last?.symbol !== undefined || last?.reason !== undefined).toBe(true);
      }
      module.close();
    }),
    { numRuns: 2000, verbose: true },
  );
});
