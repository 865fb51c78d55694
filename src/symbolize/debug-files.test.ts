import { appendFileSync, cpSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import {
  addressOf,
  llvmFrames,
  moduleAt,
  type PeerFrame,
  peerFrames,
  type TestFiles,
  testFiles,
} from "../../test/support/symbolize-files.ts";
import { virtualAddress } from "../base/address.ts";
import { openFile } from "../os/file-bytes.ts";
import type { ModuleFrame } from "./module.ts";

const TOOLS = ["addr2line", "gcc", "nm", "objcopy", "readelf", "strip"];
const CODE = `
__attribute__((noinline)) static int hidden(int x) {
  return x * 3;
}
int exported(int x) { return hidden(x) + 1; }
`;

/** `hidden` is the address of the function's second byte, and `line` what addr2line says before anything is stripped. */
type Split = { root: string; program: string; debug: string; buildId: string; hidden: number; line: number };

/** `/opt/app/lib.so` below a root, stripped, and its debug file, not yet where it can be found. */
function split(buildIdFlag: string, link: boolean): Split {
  const root = temporaryDirectory();
  const folder = join(root, "opt/app");
  mkdirSync(folder, { recursive: true });
  const [source, program, debug] = ["a.c", "lib.so", "lib.so.debug"].map((name) => join(folder, name));
  writeFileSync(source, CODE);
  run("gcc", "-shared", "-fPIC", "-nostdlib", "-O1", "-g", buildIdFlag, "-o", program, source);
  const hidden = addressOf(program, "hidden") + 1;
  const line = Number(/:(\d+)/.exec(run("addr2line", "-e", program, hidden.toString(16)))?.[1]);
  run("objcopy", "--only-keep-debug", program, debug);
  run("strip", program);
  if (link) run("objcopy", `--add-gnu-debuglink=${debug}`, program);
  const [, buildId = ""] = /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-n", program)) ?? [];
  return { root, program, debug, buildId, hidden, line };
}

function resolve(
  files: TestFiles,
  address: number,
  path = "/opt/app/lib.so",
): { frame: ModuleFrame; problems: string[] } {
  const module = moduleAt(path, files);
  const frame = module.find(virtualAddress(address), false).at(-1) as ModuleFrame;
  module.close();
  expect(
    [...files.open].map(({ name }) => name),
    "files left open",
  ).toEqual([]);
  return { frame, problems: module.problems };
}

function moveTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  renameSync(from, to);
}

const ID = "-Wl,--build-id=sha1";
const NO_ID = "-Wl,--build-id=none";

test.for([
  ["beside the file", NO_ID, "/opt/app/lib.so.debug"],
  ["in .debug", NO_ID, "/opt/app/.debug/lib.so.debug"],
  ["in a debug directory, by path", NO_ID, "/usr/lib/debug/opt/app/lib.so.debug"],
  ["in a debug directory, by name alone", NO_ID, "/srv/symbols/lib.so.debug"],
  ["beside the file, with a build ID", ID, "/opt/app/lib.so.debug"],
  ["in the second debug directory", ID, "/srv/symbols/opt/app/lib.so.debug"],
])("a debug link leads to the file %s", ([, buildIdFlag, place], context) => {
  needTools(context, ...TOOLS);
  const { root, debug, hidden, line } = split(buildIdFlag, true);
  moveTo(debug, join(root, place));
  const files = testFiles({ roots: [root], debugDirectories: ["/usr/lib/debug", "/srv/symbols"] });
  const { frame, problems } = resolve(files, hidden);
  expect(frame).toMatchObject({ symbol: "hidden", offset: 1, line, symbolSource: `${root}${place} .symtab` });
  expect(frame.lineSource).toBe(`${root}${place} .debug_line`);
  expect(problems).toEqual([]);
});

test("a build-ID directory needs no debug link", (context) => {
  needTools(context, ...TOOLS);
  const { root, debug, hidden, buildId, line } = split(ID, false);
  moveTo(debug, join(root, "srv/symbols/.build-id", buildId.slice(0, 2), `${buildId.slice(2)}.debug`));
  const files = testFiles({ roots: [root], debugDirectories: ["/usr/lib/debug", "/srv/symbols"] });
  expect(resolve(files, hidden).frame).toMatchObject({ symbol: "hidden", line });
});

test("hole 6: debug files are looked for under the process's own root before this machine's", (context) => {
  needTools(context, ...TOOLS);
  const { root, program, debug, hidden, line } = split(NO_ID, true);
  // The host has another file at the same path: without a build ID, only the root tells them apart.
  const host = split(NO_ID, true);
  cpSync(program, host.program);
  appendFileSync(host.debug, "other");
  const files = testFiles({ roots: [root, host.root] });
  const inside = resolve(files, hidden);
  expect(inside.frame).toMatchObject({ symbol: "hidden", line, symbolSource: `${debug} .symtab` });
  expect(inside.problems).toEqual([]);
  // Where the container has none, the host's is tried, and refused.
  renameSync(debug, `${debug}.away`);
  expect(resolve(testFiles({ roots: [root, host.root] }), hidden).problems).toEqual([
    expect.stringContaining(`${host.debug}: its CRC`),
  ]);
});

test("a store by build ID is asked last", (context) => {
  needTools(context, ...TOOLS);
  const { root, debug, hidden, buildId } = split(ID, false);
  const asked: string[] = [];
  const files = testFiles({
    roots: [root],
    debugDirectories: ["/usr/lib/debug"],
    byBuildId: (id, kind) => {
      asked.push(`${kind} ${id}`);
      return openFile(debug, "stored");
    },
  });
  const module = moduleAt("/opt/app/lib.so", files);
  expect(module.find(virtualAddress(hidden), false)).toMatchObject([
    { symbol: "hidden", symbolSource: "stored .symtab" },
  ]);
  expect(asked).toEqual([`debuginfo ${buildId}`]);
  module.close();
});

test("a debug file whose CRC is not the link's is not used, and the answers of the file itself stay", (context) => {
  // Hole 1: it used to cost the whole stack.
  needTools(context, ...TOOLS);
  const { root, program, debug, hidden } = split(NO_ID, true);
  const exported = Number.parseInt(run("nm", "-D", program), 16);
  appendFileSync(debug, "\0");
  const files = testFiles({ roots: [root], debugDirectories: ["/usr/lib/debug"] });
  const { frame, problems } = resolve(files, exported);
  expect(frame).toMatchObject({ symbol: "exported", offset: 0, symbolSource: `${program} .dynsym` });
  expect(problems).toEqual([`${debug}: its CRC is not that of the debug link, so it was not used`]);
  expect(resolve(files, hidden).frame.symbol).toBeUndefined();
});

test("a file that claims to be endless is not read to its end for its CRC", (context) => {
  needTools(context, ...TOOLS);
  const { root, debug, hidden } = split(NO_ID, true);
  let bytesRead = 0;
  const files = testFiles({ roots: [root] });
  const module = moduleAt("/opt/app/lib.so", {
    ...files,
    candidates: (wanted) =>
      files.candidates(wanted).map((open) => () => {
        const source = open();
        if (source?.name !== debug) return source;
        const read = (offset: number, length: number): Uint8Array => {
          bytesRead += length;
          return offset < source.size ? source.read(offset, length) : new Uint8Array(length);
        };
        return { ...source, size: 2 ** 44, read };
      }),
  });
  expect(module.find(virtualAddress(hidden), false)[0].symbol).toBeUndefined();
  expect(module.problems).toEqual([expect.stringContaining("too large to compute its CRC")]);
  expect(bytesRead).toBeLessThan(1 << 20);
});

test("a wrong file in front does not hide the right one behind it", (context) => {
  needTools(context, ...TOOLS);
  const { root, debug, hidden, program } = split(ID, true);
  const other = split(ID, true);
  const right = join(root, "opt/app/.debug/lib.so.debug");
  moveTo(debug, right);
  cpSync(program, join(root, "opt/app/lib.so.debug"));
  run("objcopy", "--remove-section=.note.gnu.build-id", join(root, "opt/app/lib.so.debug"));
  moveTo(other.debug, join(root, "usr/lib/debug/opt/app/lib.so.debug"));
  writeFileSync(join(root, "garbage"), "not ELF");
  const files = testFiles({ roots: [root], debugDirectories: ["/usr/lib/debug"] });
  const { frame, problems } = resolve(files, hidden);
  expect(frame).toMatchObject({ symbol: "hidden", symbolSource: `${right} .symtab` });
  expect(problems).toEqual([expect.stringContaining("CRC")]);
});

test("links that lead to the file itself, or in a circle, end", (context) => {
  needTools(context, ...TOOLS);
  const { root, program, debug, hidden } = split(NO_ID, true);
  // lib.so → b.so → lib.so, neither with debug information, and each with the CRC that the link states.
  const b = join(dirname(program), "b.so");
  renameSync(debug, join(dirname(program), "real.debug"));
  run("objcopy", "--remove-section=.gnu_debuglink", program);
  cpSync(program, b);
  run("objcopy", `--add-gnu-debuglink=${program}`, b);
  run("objcopy", `--add-gnu-debuglink=${b}`, program);
  const files = testFiles({ roots: [root] });
  expect(resolve(files, hidden).frame).toMatchObject({ reason: "stripped: no symbol covers it" });
  run("objcopy", "--remove-section=.gnu_debuglink", program);
  run("objcopy", `--add-gnu-debuglink=${program}`, program);
  expect(resolve(files, hidden).frame.symbol).toBeUndefined();
  expect(files.asked.length).toBeLessThan(10);
});

test("sections that are only announced (SHT_NOBITS) are not taken for debug information", (context) => {
  needTools(context, ...TOOLS);
  const { root, program, debug, hidden, line } = split(ID, true);
  // The program keeps the header of a .debug_info without bytes, as some splitting tools leave it.
  const empty = join(root, "empty");
  writeFileSync(empty, "");
  run("objcopy", `--add-section=.debug_info=${empty}`, "--set-section-flags=.debug_info=noload,readonly", program);
  expect(run("readelf", "-SW", program)).toContain(".debug_info");
  const { frame } = resolve(testFiles({ roots: [root] }), hidden);
  expect(frame).toMatchObject({ symbol: "hidden", line, symbolSource: `${debug} .symtab` });
});

const SHARED = `
struct S { int a; long b; };
static inline __attribute__((always_inline)) int helper_in_header(struct S *s) { return s->a * s->a + (int)s->b; }
extern int exported(struct S *s);
int exported(struct S *s) { return helper_in_header(s) / helper_in_header(s + 1); }
`;

/** Two libraries whose common debug information dwz moved to a file named `link`. */
function shareWithDwz(
  link: string,
  ...flags: string[]
): { root: string; address: number; file: string; expected: PeerFrame[] } {
  const root = temporaryDirectory();
  const folder = join(root, "opt/app");
  mkdirSync(folder, { recursive: true });
  const source = join(folder, "shared.h");
  writeFileSync(source, SHARED);
  const libraries = ["a", "b"].map((name) => {
    const [unit, library] = [join(folder, `${name}.c`), join(folder, `${name}.so`)];
    writeFileSync(unit, `#include "shared.h"\nint own_${name};\n`);
    run("gcc", "-shared", "-fPIC", "-nostdlib", "-O1", "-g", "-o", library, unit);
    return library;
  });
  // An address with an inlined call, as llvm-symbolizer has it before dwz.
  const start = addressOf(libraries[0], "exported");
  const addresses = Array.from({ length: 20 }, (_, i) => start + i);
  const peers = llvmFrames(
    libraries[0],
    addresses.map((address) => `0x${address.toString(16)}`),
    "llvm-symbolizer-19",
  );
  const inlined = peers.findIndex((frames) => frames.length === 2);
  const file = join(folder, "common.sup");
  run("dwz", ...flags, "-m", file, "-M", link, ...libraries);
  return { root, file, address: addresses[inlined], expected: peers[inlined] };
}

test.for([
  ["by an absolute path", "/opt/app/common.sup", "/opt/app/common.sup", []],
  ["by a relative path", "../.dwz/common.sup", "/opt/.dwz/common.sup", []],
  ["in a copy of the debug directory", "/usr/lib/debug/.dwz/x/common.sup", "/srv/symbols/.dwz/x/common.sup", []],
  ["by its build ID", "/nowhere/common.sup", "/srv/symbols/.build-id/", []],
  ["as DWARF 5 names it", "/opt/app/common.sup", "/opt/app/common.sup", ["-5"]],
] as const)("what dwz moved out is found %s", ([, link, place, flags], context) => {
  needTools(context, ...TOOLS, "dwz", "llvm-symbolizer-19");
  const { root, address, file, expected } = shareWithDwz(link, ...flags);
  const { buildId } = moduleAt(file).elf;
  const target = place.endsWith("/") ? `${place}${buildId?.slice(0, 2)}/${buildId?.slice(2)}.debug` : place;
  moveTo(file, join(root, target));
  const files = testFiles({ roots: [root], debugDirectories: ["/srv/symbols"] });
  const module = moduleAt("/opt/app/a.so", files);
  const frames = module.find(virtualAddress(address), false);
  expect(module.problems).toEqual([]);
  // The inlined function's name stands in the shared file alone.
  expect(peerFrames(frames)).toEqual(expected);
  expect(expected[0].name).toBe("helper_in_header");
  module.close();
  expect(files.open.size).toBe(0);
});

test("a shared file that is missing or another costs only what it holds, and is named", (context) => {
  needTools(context, ...TOOLS, "dwz", "llvm-symbolizer-19");
  const { root, address, file } = shareWithDwz("/opt/app/common.sup");
  const other = shareWithDwz("/opt/app/common.sup");
  renameSync(file, `${file}.gone`);
  const files = testFiles({ roots: [root] });
  const missing = resolve(files, address, "/opt/app/a.so");
  expect(missing.frame).toMatchObject({ symbol: "exported", line: 5 });
  expect(missing.problems).toEqual([
    expect.stringContaining("/opt/app/common.sup: shared debug information (dwz) not found"),
  ]);
  cpSync(join(other.root, "opt/app/a.so"), file);
  const wrong = resolve(testFiles({ roots: [root] }), address, "/opt/app/a.so");
  expect(wrong.frame.symbol).toBe("exported");
  expect(wrong.problems[0]).toContain("build ID");
});
