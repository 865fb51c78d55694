import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, openBytes, openPath } from "../../test/support/elf-files.ts";
import { needTools, run, succeeds, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSections } from "../../test/support/readelf.ts";
import { memorySource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { decompress } from "../compress/index.ts";
import { type ElfFile, openElf } from "./index.ts";

/** A program with uncompressed debug information, and the same with it compressed by objcopy. */
function compile(method: string): { plain: string; compressed: string } {
  const directory = temporaryDirectory();
  const [plain, compressed] = [join(directory, "plain"), join(directory, "compressed")];
  run("gcc", "-g", "-O2", "-gz=none", "-o", plain, fixture("shapes.c"));
  run("objcopy", `--compress-debug-sections=${method}`, plain, compressed);
  return { plain, compressed };
}

/** Bytes of a section at the place that readelf gives. */
function bytesAt(path: string, name: string): Buffer {
  const row = readelfSections(path).find((section) => section.name === name)!;
  const start = Number(`0x${row.offset}`);
  return readFileSync(path).subarray(start, start + Number(`0x${row.size}`));
}

function expectSameDebugSections(elf: ElfFile, plain: string): void {
  const names = readelfSections(plain)
    .map(({ name }) => name)
    .filter((name) => name.startsWith(".debug_"));
  expect(names).toContain(".debug_info");
  for (const name of names) {
    const data = elf.sectionData(name)!;
    expect(Buffer.compare(data.read(0, data.size), bytesAt(plain, name)), name).toBe(0);
  }
}

test("zlib sections are what they were before compression", (context) => {
  needTools(context, "gcc", "objcopy", "readelf");
  const { plain, compressed } = compile("zlib");
  expect(readelfSections(compressed).find(({ name }) => name === ".debug_info")?.flags).toContain("C");
  expectSameDebugSections(openPath(compressed), plain);
});

test("the old .zdebug sections are found under their new names", (context) => {
  needTools(context, "gcc", "objcopy", "readelf");
  const { plain, compressed } = compile("zlib-gnu");
  const elf = openPath(compressed);
  expect(elf.section(".debug_info")?.name).toBe(".zdebug_info");
  expectSameDebugSections(elf, plain);
});

test("zstd sections are decompressed, whatever the version of Node", (context) => {
  needTools(context, "gcc", "objcopy", "readelf", "zstd");
  if (!succeeds("sh", "-c", "objcopy --help | grep -q zstd")) context.skip("this objcopy has no zstd");
  const { plain, compressed } = compile("zstd");
  expectSameDebugSections(openPath(compressed), plain);
});

test.for(["shapes-s390x-zlib.o", "shapes-arm-zlib.o"])("the compression header of %s", (name, context) => {
  needTools(context, "llvm-objcopy", "readelf");
  const plain = join(temporaryDirectory(), "plain.o");
  run("llvm-objcopy", "--decompress-debug-sections", fixture(name), plain);
  expectSameDebugSections(openPath(fixture(name)), plain);
});

test("a section that lies about its size is refused, before anything of that size is made", (context) => {
  needTools(context, "gcc", "objcopy", "readelf");
  const { compressed } = compile("zlib");
  const { offset } = openPath(compressed).section(".debug_info")!;
  const bytes = readFileSync(compressed);
  const size = bytes.readBigUInt64LE(offset + 8);
  for (const lie of [0n, 1n, size - 1n, size + 1n, size * 1000n, 1n << 40n, (1n << 64n) - 1n]) {
    bytes.writeBigUInt64LE(lie, offset + 8);
    const elf = openBytes("liar", bytes);
    expect(() => elf.sectionData(".debug_info"), `${lie}`).toThrow(LeaklineError);
    expect(elf.sectionData(".debug_abbrev")).toBeDefined();
  }
});

test("decompression happens when asked for, once, and never for a failure again", (context) => {
  needTools(context, "gcc", "objcopy", "readelf");
  const { compressed } = compile("zlib");
  let calls = 0;
  const source = memorySource(compressed, readFileSync(compressed));
  const elf = openElf(source, {
    decompress(method, input, size) {
      calls++;
      return decompress(method, input, size);
    },
  });
  expect(calls).toBe(0);
  expect(elf.sectionData(".debug_info")).toBe(elf.sectionData(".debug_info"));
  expect(calls).toBe(1);

  let failures = 0;
  const failing = openElf(source, {
    decompress() {
      failures++;
      throw new LeaklineError("malformed", "no");
    },
  });
  for (let i = 0; i < 3; i++) expect(() => failing.sectionData(".debug_info")).toThrow("no");
  expect(failures).toBe(1);
  expect(() => openElf(source).sectionData(".debug_info")).toThrow(/compressed/);
});

test("a section without bytes in the file and one that is not there have no data", () => {
  const elf = openPath(fixture("shapes-i686"));
  expect(elf.section(".bss")?.size).toBeGreaterThan(0);
  expect(elf.sectionData(".bss")).toBeUndefined();
  expect(elf.sectionData(".nothing")).toBeUndefined();
});
