import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { compile, hasTool, killStartedPrograms, start, temporaryDirectory } from "../../test/support/programs.ts";
import { absoluteAddress } from "../base/address.ts";
import { openElf } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { type Mapping, parseMaps } from "../process/maps.ts";
import { type Normalized, normalizeAddress } from "./normalize.ts";

const hasTools = hasTool("gcc") && hasTool("nm");
const directory = temporaryDirectory();
killStartedPrograms();

/** Prints the address of each of its functions and its own maps. */
const SOURCE = `
#include <stdio.h>
#include <unistd.h>
#ifdef LIBRARY
int in_library(int);
#endif
__attribute__((noinline, section(".far"))) int far_function(int x) { return x * 3; }
__attribute__((noinline)) int near_function(int x) { return x * 5; }
int main(int count, char **arguments) {
  printf("far_function %p\\nnear_function %p\\nmain %p\\n", (void *)far_function, (void *)near_function, (void *)main);
#ifdef LIBRARY
  printf("in_library %p\\n", (void *)in_library);
#endif
  puts("maps");
  FILE *maps = fopen("/proc/self/maps", "r");
  for (int c; (c = getc(maps)) != EOF;) putchar(c);
  puts("ready");
  fflush(stdout);
  pause();
  return far_function(near_function(count));
}
`;

/** Symbol → virtual address, as nm prints it. */
function symbolsOf(path: string): Map<string, number> {
  const lines = execFileSync("nm", [path], { encoding: "utf8" }).split("\n");
  return new Map(
    lines.map((line) => {
      const [value, , name] = line.split(" ");
      return [name, Number.parseInt(value, 16)];
    }),
  );
}

/** Runs the program and normalizes what it printed: function → result. */
async function normalizeOutput(program: string): Promise<Map<string, Normalized>> {
  const { output } = await start(program);
  const [functions, maps] = output.split("maps\n");
  const mappings = parseMaps(maps);
  const segmentsOf = ({ path }: Mapping) => {
    const file = openFile(path);
    try {
      return openElf(file).segments;
    } finally {
      file.close();
    }
  };
  const lines = functions.trim().split("\n");
  return new Map(
    lines.map((line) => {
      const [name, address] = line.split(" ");
      return [name, normalizeAddress(mappings, absoluteAddress(BigInt(address)), segmentsOf)];
    }),
  );
}

describe.skipIf(!hasTools)("programs that tell where their functions are", () => {
  const far = "-Wl,--section-start=.far=0x5000000";
  const layouts: [name: string, flags: string[]][] = [
    ["position-independent, code in its own pages", ["-pie", "-fPIE", "-Wl,-z,separate-code"]],
    ["position-independent, code together with headers", ["-pie", "-fPIE", "-Wl,-z,noseparate-code"]],
    ["at a fixed address, code in its own pages", ["-no-pie", "-fno-pie", "-Wl,-z,separate-code"]],
    ["at a fixed address, code together with headers", ["-no-pie", "-fno-pie", "-Wl,-z,noseparate-code"]],
    ["at a high fixed address", ["-no-pie", "-fno-pie", "-Wl,-Ttext-segment=0x40000000"]],
    ["position-independent, a section far from the rest", ["-pie", "-fPIE", far]],
    ["at a fixed address, a section far from the rest", ["-no-pie", "-fno-pie", far]],
    ["pages of 2 MiB", ["-pie", "-fPIE", "-Wl,-z,max-page-size=0x200000", "-Wl,-z,separate-code"]],
    ["static", ["-static"]],
    ["static and position-independent", ["-static-pie", "-fPIE"]],
  ];
  if (hasTool("ld.lld")) layouts.push(["linked by lld", ["-pie", "-fPIE", "-fuse-ld=lld"]]);

  test.each(layouts)("%s", async (name, flags) => {
    const program = compile(join(directory, name.replaceAll(/\W/g, "-")), SOURCE, flags);
    const symbols = symbolsOf(program);
    const results = await normalizeOutput(program);
    expect(results.size).toBe(3);
    for (const [name, result] of results)
      expect([name, result]).toEqual([name, expect.objectContaining({ virtualAddress: symbols.get(name) })]);
  });

  test("file offsets and virtual addresses really differ in some of these layouts", async () => {
    for (const flags of [
      ["-pie", "-fPIE", far],
      ["-no-pie", "-fno-pie"],
    ]) {
      const results = await normalizeOutput(compile(join(directory, `differs${flags.length}`), SOURCE, flags));
      const result = results.get("far_function")!;
      expect(result.kind === "file" && (result.fileOffset as number) !== result.virtualAddress).toBe(true);
    }
  });

  test("a custom linker layout: code whose address and file offset have nothing in common", async () => {
    const script = join(directory, "layout.ld");
    writeFileSync(script, "SECTIONS { .far 0x12345000 : { *(.far) } } INSERT AFTER .text;");
    const program = compile(join(directory, "scripted"), SOURCE, ["-no-pie", "-fno-pie", `-Wl,-T,${script}`]);
    const symbols = symbolsOf(program);
    expect(symbols.get("far_function")).toBe(0x12345000);
    const result = (await normalizeOutput(program)).get("far_function");
    expect(result).toMatchObject({ kind: "file", virtualAddress: 0x12345000 });
  });

  test("a function in a shared library", async () => {
    const flags = ["-shared", "-fPIC", "-Wl,-z,separate-code", "-Wl,--section-start=.far=0x800000"];
    const source = '__attribute__((section(".far"))) int in_library(int x) { return x; }';
    const library = compile(join(directory, "libshifted.so"), source, flags);
    const program = compile(join(directory, "uses-library"), SOURCE, ["-DLIBRARY", "-fPIE", "-pie", library]);
    const result = (await normalizeOutput(program)).get("in_library")!;
    expect(symbolsOf(library).get("in_library")).toBe(0x800000);
    expect(result).toMatchObject({ kind: "file", virtualAddress: 0x800000, mapping: { path: library } });
  });
});

const MAPS = parseMaps(`
00400000-00401000 r--p 00000000 fe:00 1 /bin/it
00401000-00403000 r-xp 00001000 fe:00 1 /bin/it
00500000-00501000 rwxp 00000000 00:00 0 
00501000-00502000 rw-p 00000000 00:00 0                                  [heap]
00600000-00601000 r-xp 00000000 00:00 0                                  [anon:jit]
00700000-00701000 r--p 00000000 00:00 0                                  [vvar]
00701000-00703000 r-xp 00000000 00:00 0                                  [vdso]
7fffffffe000-7ffffffff000 --xp 00000000 00:00 0                          [uprobes]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`);

function normalize(address: bigint): Normalized {
  return normalizeAddress(MAPS, absoluteAddress(address));
}

describe("normalizeAddress", () => {
  test.each([
    [0x401000n, 0x1000],
    [0x402fffn, 0x2fff],
    [0x701010n, 0x10],
  ])("%s is at file offset %d, its virtual address unknown without segments", (address, offset) => {
    expect(normalize(address)).toMatchObject({ kind: "file", fileOffset: offset, virtualAddress: undefined });
  });

  test.each<[bigint, RegExp]>([
    [0n, /^not mapped$/],
    [0x403000n, /^not mapped$/],
    [2n ** 64n - 1n, /^not mapped$/],
    [0x400800n, /not code: .*\/bin\/it is not executable/],
    [0x501800n, /not code: \[heap\] is not executable/],
    [0x500000n, /anonymous memory that is executable: code generated at run time/],
    [0x600000n, /\[anon:jit\] that is executable/],
    [0x700000n, /\[vvar\]/],
    [0x7fffffffe010n, /trampoline/],
    [0xffffffffff600400n, /vsyscall/],
  ])("%s is unknown: %s", (address, reason) => {
    expect(normalize(address)).toMatchObject({ kind: "unknown", reason: expect.stringMatching(reason) });
  });

  test("an offset that no segment loads is unknown, with the offset", () => {
    // p_filesz ends in the middle of the mapping: what follows is padding of the page.
    const text = { type: 1, flags: 5, offset: 0x1000, address: 0x401000, fileSize: 0x800, memorySize: 0x800, align: 1 };
    const segments = [text] as unknown as ReturnType<typeof openElf>["segments"];
    const at = (address: bigint) => normalizeAddress(MAPS, absoluteAddress(address), () => segments);
    expect(at(0x4017ffn)).toMatchObject({ kind: "file", virtualAddress: 0x4017ff });
    expect(at(0x401800n)).toMatchObject({ kind: "unknown", reason: expect.stringContaining("0x1800 of /bin/it") });
  });
});
