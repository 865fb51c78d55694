import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, openBytes, openPath } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { virtualAddress } from "../base/address.ts";
import { LAYOUT_START, layOutCode, relocatedSection } from "./index.ts";

const SOURCE = `
static int counter;
static inline __attribute__((always_inline)) int inner(int x) { return x * counter + 3; }
__attribute__((noinline)) int middle(int x) { counter += x; return inner(x) + inner(x + 1); }
int outer(int x) { int s = 0; for (int i = 0; i < x; i++) s += middle(i); return s; }
`;

/** A compiler for each machine, and what it is told. */
const COMPILERS: readonly (readonly string[])[] = [
  ["gcc"],
  ["i686-linux-gnu-gcc"],
  ["aarch64-linux-gnu-gcc"],
  ["arm-linux-gnueabihf-gcc"],
  ["riscv64-linux-gnu-gcc"],
  ["powerpc-linux-gnu-gcc"],
  ["powerpc64-linux-gnu-gcc"],
  ["s390x-linux-gnu-gcc"],
  ["clang-14", "--target=x86_64-linux-gnu"],
  ["clang-14", "--target=riscv64-linux-gnu"],
  ["clang-14", "--target=powerpc64le-linux-gnu"],
  ["clang-14", "--target=arm-linux-gnueabihf"],
];
const CASES = COMPILERS.flatMap((compiler) => ["-gdwarf-4", "-gdwarf-5"].map((dwarf) => [...compiler, dwarf]));

function compileObject(source: string, [compiler, ...flags]: readonly string[]): string {
  const directory = temporaryDirectory();
  const [input, output] = [join(directory, "a.c"), join(directory, "a.o")];
  writeFileSync(input, source);
  run(compiler, ...flags, "-O1", "-c", "-o", output, input);
  return output;
}

/** `readelf -R`: the bytes of a section after relocation, every section taken to be at 0. */
function readelfRelocated(path: string, section: string): number[] {
  const bytes: number[] = [];
  for (const [, groups] of run("readelf", "-R", section, path).matchAll(/^ {2}0x[0-9a-f]+ ((?:[0-9a-f]+ ){1,4})/gm))
    for (const [byte] of groups.matchAll(/[0-9a-f]{2}/g)) bytes.push(Number.parseInt(byte, 16));
  return bytes;
}

test.for(CASES)("every section of %s has the bytes that readelf relocates, and code moved", (compiler, context) => {
  needTools(context, compiler[0], "readelf");
  const path = compileObject(SOURCE, compiler);
  const elf = openPath(path);
  let moved = 0;
  let compared = 0;
  for (const section of elf.sections) {
    if (!section.name.startsWith(".debug_") || section.size === 0) continue;
    const data = relocatedSection(elf, section)!;
    const actual = data.read(0, data.size);
    const expected = readelfRelocated(path, section.name);
    expect(actual.length).toBe(expected.length);
    // Where the code is laid out differs from readelf's 0 in one byte alone: the third.
    const difference = Array.from(actual, (byte, i) => (byte === expected[i] ? 0 : byte - expected[i]));
    const changed = difference.filter((byte) => byte !== 0);
    expect(changed, section.name).toEqual(changed.map(() => LAYOUT_START >> 16));
    moved += changed.length;
    compared += actual.length;
  }
  expect(compared).toBeGreaterThan(300);
  expect(moved).toBeGreaterThan(0);
  expect(elf.problems).toEqual([]);
});

test("RISC-V: a ULEB128 that is the difference of two labels", (context) => {
  needTools(context, "llvm-mc-19");
  const directory = temporaryDirectory();
  const [source, object] = [join(directory, "a.s"), join(directory, "a.o")];
  // `.uleb128 b-a` makes the linker fill it in, because it may shorten the calls. Blanked, only relocation fills it.
  writeFileSync(
    source,
    `.text\na: call f\n.skip 392\nb:\n.section .debug_x,"",@progbits\n.uleb128 b-a\n.byte 0xff\n.half b-a\n`,
  );
  run("llvm-mc-19", "--triple=riscv64", "-mattr=+relax", "-filetype=obj", "-o", object, source);
  const bytes = readFileSync(object);
  const { offset, size } = openBytes("a.o", bytes).section(".debug_x")!;
  expect(size).toBe(5);
  bytes.set([0x80, 0x00], offset);
  const elf = openBytes("a.o", bytes);
  // 400 = 3 * 128 + 16
  expect([...relocatedSection(elf, ".debug_x")!.read(0, 5)]).toEqual([0x80 | 16, 3, 0xff, 400 & 0xff, 400 >> 8]);
  expect(elf.problems).toEqual([]);
});

test("eBPF objects are relocated", (context) => {
  needTools(context, "clang-14", "readelf");
  const elf = openPath(compileObject("int f(int x) { return x + 1; }", ["clang-14", "--target=bpf", "-g"]));
  const data = relocatedSection(elf, ".debug_addr")!;
  // The one address of the file is that of f, at the beginning of .text.
  expect(Buffer.from(data.read(8, 8)).readUInt32LE()).toBe(LAYOUT_START);
  expect(elf.problems).toEqual([]);
});

test("a linked file is left as it is", () => {
  const elf = openPath(fixture("shapes-i686"));
  expect(layOutCode(elf)).toBeUndefined();
  expect(relocatedSection(elf, ".eh_frame")).toBe(elf.sectionData(".eh_frame"));
});

test("each code section has a place of its own", () => {
  const elf = openPath(fixture("shapes-powerpc.o"));
  const layout = layOutCode(elf)!;
  const code = elf.sections.filter(({ flags, size }) => flags & 4 && size > 0);
  expect(code.length).toBeGreaterThan(3);
  let end = 0;
  for (const section of code) {
    const base = layout.base(section);
    expect(base).toBeGreaterThan(end);
    end = base + section.size;
    for (const offset of [0, section.size - 1])
      expect(layout.locate(virtualAddress(base + offset))).toEqual({ section, offset });
    expect(layout.locate(virtualAddress(end))).toBeUndefined();
    expect(layout.locate(virtualAddress(base - 1))).toBeUndefined();
  }
  expect(layout.locate(virtualAddress(-1))).toBeUndefined();
  expect(layout.locate(virtualAddress(0))).toBeUndefined();
});

test("a relocation that is out of bounds or to no symbol is left out, and said once", (context) => {
  needTools(context, "gcc");
  const path = compileObject(SOURCE, ["gcc", "-g"]);
  const bytes = readFileSync(path);
  const sound = openBytes("sound", bytes);
  const raw = Uint8Array.from(bytes);
  const expected = relocatedSection(sound, ".debug_info")!;
  expect(Uint8Array.from(bytes), "the file itself is left alone").toEqual(raw);
  const table = sound.section(".rela.debug_info")!;
  const first = Number(bytes.readBigUInt64LE(table.offset));
  bytes.writeBigUInt64LE(2n ** 63n, table.offset); // r_offset
  bytes.writeUInt32LE(0xffffffff, table.offset + 24 + 12); // the next one's symbol
  const second = Number(bytes.readBigUInt64LE(table.offset + 24));
  const elf = openBytes("damaged", bytes);
  const actual = relocatedSection(elf, ".debug_info")!;
  const blank = (all: Uint8Array): number[] =>
    Array.from(all, (byte, at) => ((at >= first && at < first + 4) || (at >= second && at < second + 4) ? 0 : byte));
  expect(blank(actual.read(0, actual.size))).toEqual(blank(expected.read(0, expected.size)));
  expect(elf.problems.map(({ message }) => message)).toEqual([
    `damaged: .rela.debug_info+0x0: relocation of offset 0x8000000000000000 in ${actual.size} bytes`,
  ]);
});

test("tables that overlap are refused: the work is bounded by the size of the file", (context) => {
  needTools(context, "gcc");
  const bytes = readFileSync(compileObject(SOURCE, ["gcc", "-g"]));
  const elf = openBytes("sound", bytes);
  const headers = Number(bytes.readBigUInt64LE(40)); // e_shoff
  const target = elf.section(".debug_info")!.index;
  for (const { index, type } of elf.sections) {
    if (type === 8 || index === 0 || index === target) continue;
    const at = headers + index * 64;
    bytes.writeUInt32LE(4, at + 4); // SHT_RELA
    bytes.writeBigUInt64LE(0n, at + 24); // all of the file
    bytes.writeBigUInt64LE(BigInt(bytes.length), at + 32);
    bytes.writeUInt32LE(target, at + 44); // sh_info
  }
  const bomb = openBytes("bomb", bytes);
  expect(() => relocatedSection(bomb, bomb.sections[target])).toThrow(/bytes of relocations/);
});
