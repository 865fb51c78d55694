import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openBytes } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSymbols } from "../../test/support/readelf.ts";
import { llvmFrames, moduleAt, peerFrames, testFiles } from "../../test/support/symbolize-files.ts";
import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { Module } from "./module.ts";

const SOURCE = `
static int counter;
static inline __attribute__((always_inline)) int inner(int x) { return x * counter + 3; }
static inline __attribute__((always_inline)) int outermost(int x) { return inner(x) + inner(x + 1); }
__attribute__((noinline)) int middle(int x) { counter += x; return outermost(x); }
int outer(int x) {
  int s = 0;
  for (int i = 0; i < x; i++)
    s += middle(i);
  return s;
}
`;
const ELSEWHERE = `
__attribute__((section(".init.text"))) int elsewhere(int x) { return outermost(x) - 1; }
`;

function compileObject(compiler: readonly string[], code = SOURCE + ELSEWHERE): string {
  const [source, object] = ["a.c", "a.o"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(source, code);
  run(compiler[0], ...compiler.slice(1), "-c", "-o", object, source);
  return object;
}

const COMPILERS = [
  ["gcc", "-O1", "-gdwarf-4"],
  ["gcc", "-O2", "-gdwarf-5"],
  ["gcc", "-O2", "-gdwarf-5", "-gz"],
  ["i686-linux-gnu-gcc", "-O2", "-g"],
  ["aarch64-linux-gnu-gcc", "-O2", "-g"],
  ["arm-linux-gnueabihf-gcc", "-O2", "-g"],
  ["s390x-linux-gnu-gcc", "-O2", "-g"],
  ["clang-14", "--target=riscv64-linux-gnu", "-O2", "-gdwarf-5"],
  ["clang-14", "--target=aarch64-linux-gnu", "-O2", "-gdwarf-4"],
  ["clang-14", "--target=powerpc64le-linux-gnu", "-O2", "-g"],
  ["clang-19", "--target=riscv64-linux-gnu", "-O2", "-g"],
];

test.for(COMPILERS)("%s: every address of .text has llvm-symbolizer's frames", (compiler, context) => {
  // Each takes some local labels of the other's RISC-V objects for functions.
  const tool = compiler[0] === "clang-14" ? "llvm-symbolizer-14" : "llvm-symbolizer-19";
  needTools(context, compiler[0], tool);
  // One section alone: in a file with more, llvm-symbolizer mixes up their offsets.
  const path = compileObject(compiler, SOURCE);
  const module = moduleAt(path);
  const { size } = module.elf.section(".text")!;
  expect(size).toBeGreaterThan(40);
  const offsets = Array.from({ length: size }, (_, offset) => offset);
  const addresses = offsets.map((offset) => `0x${offset.toString(16)}`);
  const expected = llvmFrames(path, addresses, tool);
  let inlined = 0;
  for (const offset of offsets) {
    const frames = module.find(module.sectionAddress(".text", offset) as VirtualAddress, false);
    // It writes code of no line as line 0, and between functions ??.
    expect(peerFrames(frames), addresses[offset]).toEqual(expected[offset]);
    expect(frames.at(-1)).toMatchObject({ moduleAddress: offset, section: ".text" });
    inlined += frames.length - 1;
  }
  expect(inlined).toBeGreaterThan(0);
  expect(module.problems).toEqual([]);
});

test.for([
  ["gcc", "-O2", "-g", "-ffunction-sections"],
  ["riscv64-linux-gnu-gcc", "-O2", "-g", "-ffunction-sections"],
  ["powerpc-linux-gnu-gcc", "-O2", "-g", "-ffunction-sections"],
])("%s: with a section for each function, each has the lines that addr2line gives", (compiler, context) => {
  const prefix = compiler[0].replace(/gcc$/, "");
  needTools(context, compiler[0], `${prefix}addr2line`, "readelf");
  const path = compileObject(compiler);
  const module = moduleAt(path);
  let compared = 0;
  for (const { name, type, section, size } of readelfSymbols(path).get(".symtab")!) {
    if (type !== 2) continue;
    const sectionName = module.elf.sections[section!].name;
    for (let offset = 0; offset < size; offset++) {
      const address = module.sectionAddress(sectionName, offset) as VirtualAddress;
      const frames = module.find(address, false);
      expect(frames.at(-1)).toMatchObject({ symbol: name, offset, size, section: sectionName });
      const output = run(`${prefix}addr2line`, "-fie", path, "-j", sectionName, `0x${offset.toString(16)}`);
      const expected = output.trimEnd().split("\n");
      const ours = frames.flatMap(({ symbol, file, line }) => [symbol, `${file}:${line ?? "?"}`]);
      expect(ours).toEqual(expected.map((row) => row.replace(/ \(discriminator \d+\)$/, "")));
      compared++;
      if (compared % 7 === 0) offset += 5;
    }
  }
  expect(compared).toBeGreaterThan(30);
});

test("an offset into the file, and one beyond a section", (context) => {
  needTools(context, "gcc", "readelf");
  const path = compileObject(["gcc", "-O1", "-g"]);
  const module = moduleAt(path);
  const row = readelfSymbols(path)
    .get(".symtab")!
    .find(({ name }) => name === "elsewhere")!;
  const section = module.elf.sections[row.section!];
  const address = module.virtualAddress(section.offset + 3) as VirtualAddress;
  expect(module.find(address, false).at(-1)).toMatchObject({ symbol: "elsewhere", offset: 3, section: ".init.text" });
  expect(module.sectionAddress(".init.text", section.size + 1)).toBeUndefined();
  expect(module.virtualAddress(module.elf.section(".comment")!.offset)).toBeUndefined();
  expect(() => module.sectionAddress(".nowhere", 0)).toThrow(/no such section/);
  expect(() => module.sectionAddress(".comment", 0)).toThrow(/not code/);
  expect(module.find(virtualAddress(0), false)).toEqual([{ inlined: false, reason: "in no section with code" }]);
});

test("a call at the very end of a section: its return address is the section's end", (context) => {
  needTools(context, "gcc");
  const [source, path] = ["a.s", "a.o"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(
    source,
    `.section .text.a,"ax"\n.type first,@function\nfirst: nop\ncall abort\n.size first,.-first\n` +
      `.section .text.b,"ax"\n.type second,@function\nsecond: nop\n.size second,.-second\n`,
  );
  run("gcc", "-c", "-o", path, source);
  const module = moduleAt(path);
  // nop is one byte, call five
  const end = module.sectionAddress(".text.a", 6) as VirtualAddress;
  expect(module.find(end, true)).toMatchObject([
    { symbol: "first", offset: 6, size: 6, moduleAddress: 6, section: ".text.a" },
  ]);
  expect(module.find(end, false)[0].symbol).toBeUndefined();
});

test("a stripped kernel-like module and its debug file share one layout", (context) => {
  needTools(context, "gcc", "objcopy", "strip");
  const path = compileObject(["gcc", "-O2", "-g", "-ffunction-sections"]);
  const debug = `${path}.debug`;
  run("objcopy", "--only-keep-debug", path, debug);
  run("strip", "--strip-debug", path);
  run("objcopy", `--add-gnu-debuglink=${debug}`, path);
  const module = moduleAt(path);
  for (const section of [".text.middle", ".text.outer", ".init.text"]) {
    const [frame] = module.find(module.sectionAddress(section, 0) as VirtualAddress, false).slice(-1);
    expect(frame.file).toMatch(/\/a\.c$/);
    expect(frame.symbol).toBe({ ".text.middle": "middle", ".text.outer": "outer", ".init.text": "elsewhere" }[section]);
    expect(frame.lineSource).toContain(`${debug} .debug_`);
  }
});

test("functions without symbols have the bounds of the unwind tables", (context) => {
  needTools(context, "gcc", "readelf");
  const path = compileObject(["gcc", "-O2", "-ffunction-sections"]);
  const bytes = readFileSync(path);
  const { offset, size } = openBytes("a.o", bytes).section(".symtab")!;
  const row = readelfSymbols(path)
    .get(".symtab")!
    .find(({ name }) => name === "middle")!;
  // Turn every function into data: what is left is what a hidden symbol table leaves.
  for (let at: number = offset; at < offset + size; at += 24)
    if ((bytes[at + 4] & 15) === 2) bytes[at + 4] = (bytes[at + 4] & 0xf0) | 1;
  const module = new Module(openBytes("a.o", bytes), "/a.o", testFiles({ roots: [] }));
  const address = module.sectionAddress(".text.middle", 5) as VirtualAddress;
  expect(module.find(address, false)).toMatchObject([{ offset: 5, size: row.size, symbolSource: "a.o .eh_frame" }]);
});
