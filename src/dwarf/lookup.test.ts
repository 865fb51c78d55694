import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  codeAddresses,
  compare,
  framesText,
  llvmFrames,
  open,
  source,
  withoutSymbols,
} from "../../test/support/dwarf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { virtualAddress } from "../base/address.ts";
import { type Answer, openDwarf } from "./index.ts";

const LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6";

/** The separate debug file of a distribution's file, by build ID. */
function debugFile(path: string): string {
  const id = run("readelf", "-n", path).match(/Build ID: ([0-9a-f]+)/)?.[1] ?? "";
  return `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
}

function answerText({ frames, reason }: Answer): string {
  const last = frames.length - 1;
  return framesText({
    frames: frames.map(({ name, ...place }, i) => ({
      function: { name, linkageName: name, displayName: name, entry: virtualAddress(0), size: 0, ranges: [] },
      ...place,
      inlined: i < last,
    })),
    reason,
  });
}

/** Compares every `step`-th address of a file's code with llvm-symbolizer, which may be asked about `oracle` instead. */
function expectSame(path: string, step: number, oracle = path): void {
  const addresses = codeAddresses(path, step);
  const ours = openDwarf(open(path).input).findAll(addresses);
  const theirs = llvmFrames(oracle, addresses);
  const { differences, known } = compare(addresses, ours.map(framesText), theirs);
  expect(differences).toEqual([]);
  const batch = openDwarf(open(path).input).answerAll(Float64Array.from(addresses));
  const inBatch = addresses.map((_, i) => answerText(batch.at(i)));
  expect(compare(addresses, inBatch, theirs).differences).toEqual([]);
  // Start-up code and PLT have no debug information; all the rest has.
  expect(known).toBeGreaterThan(addresses.length / 4);
}

const VARIANTS: [compiler: string, options: string][] = [];
for (const compiler of ["g++", "clang++-14"])
  for (const version of [2, 3, 4, 5])
    for (const level of version < 4 ? [0, 2] : [0, 1, 2, 3]) VARIANTS.push([compiler, `-gdwarf-${version} -O${level}`]);

const TOOLS = ["objcopy", "llvm-symbolizer"];

describe("finds what llvm-symbolizer finds", () => {
  test.for([
    ...VARIANTS,
    ["g++", "-gdwarf-5 -gdwarf64 -O2"],
    ["g++", "-gdwarf-4 -fdebug-types-section -O2"],
    ["g++", "-gdwarf-5 -fdebug-types-section -O2"],
    ["g++", "-g1 -O2"],
    ["clang++-14", "-gline-tables-only -O2"],
    ["g++", "-g -O2 -ffunction-sections -Wl,--gc-sections"],
    ["g++", "-g -O2 -ffunction-sections -fuse-ld=gold -Wl,--gc-sections"],
    ["clang++-14", "-g -O2 -ffunction-sections -fuse-ld=lld -Wl,--gc-sections"],
    ["clang++-14", "-g -O2 -gdwarf-aranges"],
    ["clang++-14", "-g -O2 -flto -fuse-ld=lld"],
  ] as [string, string][])("classes.cc with %s %s", ([compiler, options], context) => {
    needTools(context, compiler, ...TOOLS);
    const path = join(temporaryDirectory(), "program");
    run(compiler, ...options.split(" "), source("classes.cc"), "-o", path);
    expectSame(withoutSymbols(path), 3);
  });

  test("units that link-time optimization of gcc merged", (context) => {
    needTools(context, "gcc", "g++", ...TOOLS);
    const folder = temporaryDirectory();
    const path = join(folder, "program");
    run("gcc", "-c", "-g", "-O2", "-flto", "-DENTRY=other", source("calls.c"), "-o", join(folder, "calls.o"));
    run("g++", "-c", "-g", "-O2", "-flto", source("classes.cc"), "-o", join(folder, "classes.o"));
    run("g++", "-g", "-O2", "-flto", join(folder, "calls.o"), join(folder, "classes.o"), "-o", path);
    expectSame(withoutSymbols(path), 3);
  });

  test("a shared library whose units interleave with those of another compiler", (context) => {
    needTools(context, "gcc", "clang-14", ...TOOLS);
    const folder = temporaryDirectory();
    const path = join(folder, "library.so");
    const options = ["-c", "-g", "-O2", "-fPIC", "-ffunction-sections"];
    run("gcc", ...options, "-DENTRY=first", source("calls.c"), "-o", join(folder, "first.o"));
    // clang writes no .debug_aranges, so the section names the first unit only.
    run(
      "clang-14",
      ...options,
      "-DENTRY=second",
      "-Dnever_called=n",
      source("calls.c"),
      "-o",
      join(folder, "second.o"),
    );
    run("gcc", "-shared", join(folder, "first.o"), join(folder, "second.o"), "-o", path);
    expectSame(withoutSymbols(path), 1);
  });

  test.for(["-O", "-Copt-level=0"])("Rust with %s", (level, context) => {
    needTools(context, "rustc", ...TOOLS);
    const path = join(temporaryDirectory(), "program");
    run("rustc", "-g", level, source("traits.rs"), "-o", path);
    expectSame(withoutSymbols(path), 41);
  });

  // Big-endian with 64 and 32 bits, little-endian with 32 bits, and machines with instructions of their own lengths.
  test.for(
    ["powerpc64", "mips", "i386", "armv7", "aarch64", "riscv64"].flatMap((machine) =>
      [4, 5].map((version) => [machine, version] as const),
    ),
  )("%s, DWARF %i", ([machine, version], context) => {
    needTools(context, "clang-14", "ld.lld", "llvm-objcopy", "llvm-symbolizer");
    const folder = temporaryDirectory();
    const [object, path] = ["plain.o", "plain.so"].map((name) => join(folder, name));
    const options = [`--target=${machine}-linux-gnu`, `-gdwarf-${version}`, "-O2", "-fPIC", "-ffreestanding"];
    run("clang-14", ...options, "-c", source("plain.c"), "-o", object);
    run("ld.lld", "-shared", object, "-o", path);
    run("llvm-objcopy", "--strip-all", "--keep-section=.debug_*", path, `${path}.nosymbols`);
    expectSame(`${path}.nosymbols`, 2);
  });

  test("a file that dwz compressed against a supplementary file", (context) => {
    needTools(context, "g++", "dwz", ...TOOLS);
    const folder = temporaryDirectory();
    const [whole, first, second, common] = ["whole", "first", "second", "common"].map((name) => join(folder, name));
    run("g++", "-g", "-O2", source("classes.cc"), "-o", whole);
    run("cp", whole, first);
    run("cp", whole, second);
    run("dwz", "-m", common, first, second);
    const addresses = codeAddresses(first, 3);
    const dwarf = openDwarf(open(first, { supplementary: open(common).input }).input);
    // LLVM does not read supplementary files: it is asked about the file as it was before.
    const theirs = llvmFrames(withoutSymbols(whole), addresses);
    expect(compare(addresses, dwarf.findAll(addresses).map(framesText), theirs).differences).toEqual([]);
    // The reference must be tested, not just an unchanged file.
    expect(/DW_FORM_GNU_ref_alt/.test(run("readelf", "--debug-dump=abbrev", first))).toBe(true);
  });
});

describe("split debug information", () => {
  const variants = ["gcc", "clang-14"].flatMap((compiler) => [4, 5].map((version) => [compiler, version] as const));

  /** The same code compiled twice: with its debug information in a .dwo, and with all in one file for the oracle. */
  function compileTwice(compiler: string, version: number) {
    const folder = temporaryDirectory();
    const [object, path, whole] = ["calls.o", "program", "whole"].map((name) => join(folder, name));
    const options = [`-gdwarf-${version}`, "-O2"];
    run(compiler, ...options, "-c", "-gsplit-dwarf", source("calls.c"), "-o", object);
    run(compiler, object, "-o", path);
    run(compiler, ...options, source("calls.c"), "-o", whole);
    return { folder, path, whole: withoutSymbols(whole) };
  }

  test.for(variants)("a .dwo of %s, DWARF %i", ([compiler, version], context) => {
    needTools(context, compiler, ...TOOLS);
    const { path, whole } = compileTwice(compiler, version);
    expectSame(path, 1, whole);
  });

  // Not of gcc with DWARF 5: there llvm-dwp 14 never ends, and the dwp of binutils 2.40 crashes.
  test.for([
    ["gcc", 4],
    ["clang-14", 4],
    ["clang-14", 5],
  ] as const)("a .dwp package of %s, DWARF %i", ([compiler, version], context) => {
    needTools(context, compiler, "llvm-dwp", ...TOOLS);
    const { folder, path, whole } = compileTwice(compiler, version);
    run("timeout", "60", "llvm-dwp", "-e", path, "-o", join(folder, "program.dwp"));
    const { input } = open(path, { package: open(join(folder, "program.dwp")).input });
    const addresses = codeAddresses(path, 1);
    const ours = openDwarf({ ...input, loadSplit: undefined }).findAll(addresses);
    const { differences, known } = compare(addresses, ours.map(framesText), llvmFrames(whole, addresses));
    expect(differences).toEqual([]);
    expect(known).toBeGreaterThan(addresses.length / 4);
  });

  test("without the .dwo there are lines, and the reason names the file", (context) => {
    needTools(context, "gcc", ...TOOLS);
    const { path, whole } = compileTwice("gcc", 5);
    const addresses = codeAddresses(path, 1);
    const { input } = open(path);
    const ours = openDwarf({ ...input, loadSplit: undefined }).findAll(addresses);
    const theirs = llvmFrames(whole, addresses);
    let lines = 0;
    for (let i = 0; i < addresses.length; i++) {
      if (ours[i].frames.length === 0) continue;
      lines++;
      expect(ours[i].reason).toContain("calls.dwo");
      // The innermost frame's place needs no DIE.
      const place = (text: string) => text.split("\n")[0].replace(/^\S+ /, "");
      expect(place(framesText(ours[i]))).toBe(place(theirs[i]));
    }
    expect(lines).toBeGreaterThan(100);
  });
});

describe("the distribution's own debug information", () => {
  test("libc: 20,000 addresses, of which each is what llvm-symbolizer says", (context) => {
    needTools(context, "readelf", LIBC, ...TOOLS);
    const path = debugFile(LIBC);
    needTools(context, path);
    const copy = join(temporaryDirectory(), "libc");
    run("cp", path, copy);
    const addresses = codeAddresses(LIBC, 71);
    const ours = openDwarf(open(path).input).findAll(addresses);
    const { differences, known } = compare(
      addresses,
      ours.map(framesText),
      llvmFrames(withoutSymbols(copy), addresses),
    );
    expect(differences).toEqual([]);
    expect(known).toBeGreaterThan(18_000);
  });

  test("one address reads a small part of the file", (context) => {
    needTools(context, "readelf", "objcopy", LIBC);
    const path = debugFile(LIBC);
    needTools(context, path);
    const plain = join(temporaryDirectory(), "libc");
    run("objcopy", "--decompress-debug-sections", path, plain);
    const { bytes, elf, input } = open(plain);
    const malloc = run("readelf", "-sW", path).match(/([0-9a-f]{16}) .* FUNC .* malloc$/m);
    const found = openDwarf(input).find(virtualAddress(Number.parseInt(malloc?.[1] ?? "", 16)));
    expect(found.frames.at(-1)?.function?.name).toBe("__GI___libc_malloc");
    // The index of units, one unit and its line program: 13 MB of sections, of which less than a twentieth is read.
    const sections = elf.sections.filter(({ name }) => name?.startsWith(".debug_"));
    const total = sections.reduce((sum, { size }) => sum + size, 0);
    expect(total).toBeGreaterThan(10_000_000);
    expect(bytes.bytesRead).toBeLessThan(total / 20);
  });
});
