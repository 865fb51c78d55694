import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { addressOf, moduleAt, type TestFiles, testFiles } from "../../test/support/symbolize-files.ts";
import { virtualAddress } from "../base/address.ts";
import type { Module } from "./module.ts";

/** A unit with a function that nothing but debug information names: it is inlined. */
function unit(i: number): string {
  return `static inline __attribute__((always_inline)) int inner_${i}(int x) { return x * ${i + 3} + x / ${i + 2}; }
int outer_${i}(int x) { return inner_${i}(x) + ${i}; }
`;
}

/** Units compiled in `/build` of a root and linked to `/build/lib.so`. */
function build(compiler: readonly string[], count: number, ...flags: string[]): string {
  const root = temporaryDirectory();
  const folder = join(root, "build");
  mkdirSync(folder);
  const names = Array.from({ length: count }, (_, i) => `unit${i}`);
  for (const [i, name] of names.entries()) {
    writeFileSync(join(folder, `${name}.c`), unit(i));
    const prefix = `-fdebug-prefix-map=${root}=`;
    const args = ["-fPIC", "-O1", "-gsplit-dwarf", prefix, ...flags, "-c", `${name}.c`];
    run("sh", "-c", 'cd "$1" && shift && "$@"', "sh", folder, ...compiler, ...args);
  }
  run(
    compiler[0],
    "-shared",
    "-nostdlib",
    "-o",
    join(folder, "lib.so"),
    ...names.map((name) => join(folder, `${name}.o`)),
  );
  return root;
}

function framesOf(module: Module, root: string, i: number, path = "build/lib.so"): string[] {
  const address = addressOf(join(root, path), `outer_${i}`) + 2;
  return module.find(virtualAddress(address), false).map(({ symbol, file, line }) => `${symbol} ${file}:${line}`);
}

const EXPECTED = [`inner_0 /build/unit0.c:1`, `outer_0 /build/unit0.c:2`];

function library(files: TestFiles, path = "/build/lib.so"): Module {
  return moduleAt(path, files);
}

const COMPILERS = [
  ["gcc", "-gdwarf-4"],
  ["gcc", "-gdwarf-5"],
  ["clang-14", "-gdwarf-4"],
  ["clang-14", "-gdwarf-5"],
];

test.for(COMPILERS)(
  "%s %s: a .dwo where it was compiled, beside the program, or in a debug directory",
  (compiler, context) => {
    needTools(context, compiler[0], "nm");
    const root = build(compiler, 1);
    const [dwo] = readdirSync(join(root, "build")).filter((name) => name.endsWith(".dwo"));
    const where = (): Module => library(testFiles({ roots: [root], debugDirectories: ["/symbols"] }));
    expect(framesOf(where(), root, 0)).toEqual(EXPECTED);

    const moved = join(root, "opt");
    mkdirSync(moved);
    mkdirSync(join(root, "symbols"));
    cpSync(join(root, "build/lib.so"), join(moved, "lib.so"));
    renameSync(join(root, "build", dwo), join(moved, dwo));
    const beside = library(testFiles({ roots: [root] }), "/opt/lib.so");
    expect(framesOf(beside, root, 0, "opt/lib.so")).toEqual(EXPECTED);

    expect(framesOf(where(), root, 0)).not.toEqual(EXPECTED);
    renameSync(join(moved, dwo), join(root, "symbols", dwo));
    expect(framesOf(where(), root, 0)).toEqual(EXPECTED);
  },
);

test.for([
  ["gcc", "-gdwarf-4", "dwp"],
  ["gcc", "-gdwarf-5", "llvm-dwp-19"],
  ["clang-14", "-gdwarf-4", "llvm-dwp-19"],
  ["clang-14", "-gdwarf-5", "llvm-dwp-19"],
])("%s %s: a package made by %s", ([compiler, dwarf, tool], context) => {
  needTools(context, compiler, tool, "nm");
  const root = build([compiler, dwarf], 3);
  const folder = join(root, "build");
  const parts = readdirSync(folder).filter((name) => name.endsWith(".dwo"));
  run(tool, "-o", join(folder, "lib.so.dwp"), ...parts.map((name) => join(folder, name)));
  for (const name of parts) rmSync(join(folder, name));
  const module = library(testFiles({ roots: [root], debugDirectories: ["/symbols"] }));
  for (const i of [0, 1, 2])
    expect(framesOf(module, root, i)).toEqual([`inner_${i} /build/unit${i}.c:1`, `outer_${i} /build/unit${i}.c:2`]);
  expect(module.problems).toEqual([]);

  for (const place of ["symbols/lib.so.dwp", "symbols/build/lib.so.dwp"]) {
    mkdirSync(join(root, "symbols/build"), { recursive: true });
    cpSync(join(folder, "lib.so.dwp"), join(root, place));
    rmSync(join(folder, "lib.so.dwp"), { force: true });
    const elsewhere = library(testFiles({ roots: [root], debugDirectories: ["/symbols"] }));
    expect(framesOf(elsewhere, root, 0), place).toEqual(EXPECTED);
    renameSync(join(root, place), join(folder, "lib.so.dwp"));
  }
});

test("a package beside the stripped program, whose skeletons are in its debug file", (context) => {
  needTools(context, "clang-14", "llvm-dwp-19", "nm", "objcopy", "strip");
  const root = build(["clang-14", "-gdwarf-5"], 1);
  const folder = join(root, "build");
  const program = join(folder, "lib.so");
  const address = addressOf(program, "outer_0") + 2;
  run("llvm-dwp-19", "-o", `${program}.dwp`, join(folder, "unit0.dwo"));
  rmSync(join(folder, "unit0.dwo"));
  run("objcopy", "--only-keep-debug", program, `${program}.debug`);
  run("strip", program);
  run("objcopy", `--add-gnu-debuglink=${program}.debug`, program);
  const module = library(testFiles({ roots: [root] }));
  expect(module.find(virtualAddress(address), false).map(({ symbol }) => symbol)).toEqual(["inner_0", "outer_0"]);
});

test("a .dwo of another compilation, one that is no ELF file and a broken package cost only themselves", (context) => {
  needTools(context, "clang-14", "nm");
  const root = build(["clang-14", "-gdwarf-5"], 3);
  const other = build(["clang-14", "-gdwarf-5"], 3, "-O2", "-DX");
  const folder = join(root, "build");
  cpSync(join(other, "build/unit1.dwo"), join(folder, "unit0.dwo"));
  writeFileSync(join(folder, "unit1.dwo"), "garbage");
  writeFileSync(join(folder, "lib.so.dwp"), readFileSync(join(folder, "unit2.dwo")));
  const module = library(testFiles({ roots: [root] }));
  const at = (i: number) => module.find(virtualAddress(addressOf(join(folder, "lib.so"), `outer_${i}`) + 2), false);
  expect(at(0)).toMatchObject([{ symbol: "outer_0", line: 1, reason: expect.stringContaining("another compilation") }]);
  expect(at(1)).toMatchObject([{ symbol: "outer_1", line: 1, reason: expect.stringContaining("unit1.dwo not found") }]);
  expect(framesOf(module, root, 2)).toEqual(["inner_2 /build/unit2.c:1", "outer_2 /build/unit2.c:2"]);
  expect(module.problems.join("\n")).toMatch(
    /lib\.so\.dwp: has no \.debug_cu_index section[\s\S]*unit1\.dwo: .*not an ELF file/,
  );
});

test("of forty units' files a few are open at once, and all of them answer again and again", (context) => {
  needTools(context, "clang-14", "nm");
  const count = 40;
  const root = build(["clang-14", "-gdwarf-5"], count);
  const files = testFiles({ roots: [root] });
  const module = library(files);
  const places = run("nm", join(root, "build/lib.so"));
  const addresses = Array.from({ length: count }, (_, i) => {
    const [, text] = new RegExp(`^([0-9a-f]+) T outer_${i}$`, "m").exec(places)!;
    return virtualAddress(Number.parseInt(text, 16) + 2);
  });
  for (let round = 0; round < 3; round++) {
    for (const [i, address] of addresses.entries()) {
      const names = module.find(address, false).map(({ symbol }) => symbol);
      expect(names).toEqual([`inner_${i}`, `outer_${i}`]);
      expect(files.open.size).toBeLessThanOrEqual(17);
      expect(files.open.size).toBe(module.openFiles);
    }
  }
  module.close();
  expect(files.open.size).toBe(0);
});
