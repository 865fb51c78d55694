import { copyFileSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { fixture, openBytes, openPath } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { crc32 } from "../compress/index.ts";

function compile(directory: string, name: string, ...options: string[]): string {
  const program = join(directory, name);
  run("gcc", "-g", "-O1", ...options, "-o", program, fixture("shapes.c"));
  return program;
}

test("the debug link's file and checksum equal readelf's, and the checksum is that of the file", (context) => {
  needTools(context, "gcc", "objcopy", "readelf");
  const directory = temporaryDirectory();
  const program = compile(directory, "program");
  const debug = join(directory, "with-a-name-of-some-length.debug");
  run("objcopy", "--only-keep-debug", program, debug);
  run("objcopy", "--strip-debug", `--add-gnu-debuglink=${debug}`, program);
  const link = openPath(program).debugLink!;
  const printed = run("readelf", "-wkN", program);
  expect(link.file).toBe(basename(debug));
  expect(printed).toContain(`Separate debug info file: ${link.file}`);
  expect(`0x${link.crc.toString(16)}`).toBe(/CRC value: (0x[0-9a-f]+)/.exec(printed)?.[1]);
  expect(crc32(readFileSync(debug))).toBe(link.crc);
  expect(openPath(debug).debugLink).toBeUndefined();
  expect(openPath(debug).buildId).toBe(openPath(program).buildId);
});

test("the shared debug file that dwz splits off, and its build ID, equal readelf's", (context) => {
  needTools(context, "gcc", "dwz", "readelf");
  const directory = temporaryDirectory();
  const first = compile(directory, "first");
  const second = join(directory, "second");
  copyFileSync(first, second);
  const shared = join(directory, "shared");
  run("dwz", "-m", shared, "-M", "/usr/lib/debug/.dwz/shared", first, second);
  const link = openPath(first).debugAltLink!;
  expect(link.file).toBe("/usr/lib/debug/.dwz/shared");
  expect(run("readelf", "-wkN", first)).toContain(link.file);
  expect(link.buildId).toBe(/Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", shared))?.[1]);
});

test("DWARF 5's form of the link, .debug_sup, and what it must lead to", (context) => {
  needTools(context, "gcc", "dwz", "llvm-objcopy");
  const directory = temporaryDirectory();
  const first = compile(directory, "first");
  const second = join(directory, "second");
  copyFileSync(first, second);
  const shared = join(directory, "shared");
  run("dwz", "-5", "-m", shared, "-M", "../.dwz/shared", first, second);
  const sectionOf = (path: string): Buffer => {
    run("llvm-objcopy", `--dump-section=.debug_sup=${directory}/sup`, path);
    return readFileSync(`${directory}/sup`);
  };
  // DWARF 5 §7.3.6: version, whether supplementary, name, length of the checksum, checksum.
  const [link, target] = [sectionOf(first), sectionOf(shared)];
  expect([link[2], target[2]]).toEqual([0, 1]);
  const name = "../.dwz/shared";
  expect(link.subarray(3, 3 + name.length + 1).toString()).toBe(`${name}\0`);
  const checksum = link.subarray(3 + name.length + 2).toString("hex");
  expect(openPath(first).debugAltLink).toEqual({ file: name, buildId: checksum });
  expect(openPath(shared).debugAltLink).toBeUndefined();
  expect(openPath(shared).supplementaryId).toBe(target.subarray(5).toString("hex"));
  expect(openPath(shared).supplementaryId).toBe(checksum);
});

test.for(["md5", "sha1", "uuid", "0xfe", "0x00112233445566778899aabbccddeeff0011"])(
  "a build ID of style %s",
  (style, context) => {
    needTools(context, "gcc", "readelf");
    const program = compile(temporaryDirectory(), "program", `-Wl,--build-id=${style}`);
    // What the linker was told; readelf refuses lengths that are no multiple of four.
    const told = style.startsWith("0x") ? style.slice(2) : undefined;
    const expected = told ?? /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", program))![1];
    const elf = openPath(program);
    expect(elf.buildId).toBe(expected);
  },
);

test("a program without any of them has none, and no problem", (context) => {
  needTools(context, "gcc");
  const elf = openPath(compile(temporaryDirectory(), "program", "-Wl,--build-id=none"));
  expect([elf.buildId, elf.debugLink, elf.debugAltLink, elf.problems]).toEqual([undefined, undefined, undefined, []]);
});

test("one damaged note section does not hide the build ID in another", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = readFileSync("/bin/bash");
  const notes = openBytes("bash", bytes).sections.filter(({ type }) => type === 7);
  expect(notes[0].name).not.toBe(".note.gnu.build-id");
  bytes.fill(0xff, notes[0].offset, notes[0].offset + notes[0].size);
  expect(openBytes("bash", bytes).buildId).toBe(/Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", "/bin/bash"))?.[1]);
});

test("a debug link that is cut off is a problem, not an exception", (context) => {
  needTools(context, "gcc", "objcopy");
  const directory = temporaryDirectory();
  const program = compile(directory, "program");
  run("objcopy", `--add-gnu-debuglink=${program}`, program, `${program}.linked`);
  const bytes = readFileSync(`${program}.linked`);
  const section = openBytes("linked", bytes).section(".gnu_debuglink")!;
  bytes.fill(0x41, section.offset, section.offset + section.size);
  const elf = openBytes("cut off", bytes);
  expect(elf.debugLink).toBeUndefined();
  expect(elf.problems[0].message).toMatch(/gnu_debuglink/);
});
