import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSections, readelfSymbols } from "../../test/support/readelf.ts";
import { addressOf, frameAt, llvmFrames, moduleAt, peerFrames } from "../../test/support/symbolize-files.ts";
import { virtualAddress } from "../base/address.ts";
import { type ModuleFrame, withoutInlines } from "./frame.ts";

function build(code: string, flags: readonly string[], compiler = "gcc", extension = "c"): string {
  const [source, program] = [`a.${extension}`, "program"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(source, code);
  run(compiler, ...flags, "-o", program, source);
  return program;
}

/** A shared library without a C library: small, and nothing in it that we did not write. */
const LIBRARY = ["-shared", "-fPIC", "-nostdlib"];

const COLD = `
__attribute__((noreturn, cold)) void fail(int);
volatile int sink;
__attribute__((noinline)) int work(int x) {
  if (__builtin_expect(x < 0, 0)) { sink = x; sink = x + 1; sink = x + 2; fail(x); }
  return x * 3;
}
`;

test.for([["-gdwarf-4"], ["-gdwarf-5"]])(
  "%s: a function in two parts: each address counts from the part it is in",
  ([dwarf], context) => {
    needTools(context, "gcc", "readelf");
    const path = build(COLD, [...LIBRARY, "-O2", "-freorder-blocks-and-partition", dwarf]);
    const rows = readelfSymbols(path).get(".symtab")!;
    const hot = rows.find(({ name }) => name === "work")!;
    const cold = rows.find(({ name }) => name === "work.cold")!;
    const module = moduleAt(path);
    expect(frameAt(module, "work", 1)).toMatchObject({ symbol: "work", offset: 1, size: hot.size });
    expect(frameAt(module, "work.cold", 3)).toMatchObject({ symbol: "work.cold", offset: 3, size: cold.size });
    // Without a symbol table, the debug information says where each part begins (hole 2: not address 0).
    const [hotAt, coldAt] = [hot, cold].map(({ value }) => Number(`0x${value}`));
    run("objcopy", "--strip-unneeded", "--keep-section=.debug*", path);
    run("objcopy", "--remove-section=.symtab", "--remove-section=.strtab", path);
    const bare = moduleAt(path);
    expect(bare.find(virtualAddress(coldAt + 3), false)).toMatchObject([
      { symbol: "work", offset: 3, size: cold.size },
    ]);
    expect(bare.find(virtualAddress(hotAt + 3), false)).toMatchObject([{ symbol: "work", offset: 3, size: hot.size }]);
  },
);

test("of the names of folded code, the debug information's is shown and the others are listed", (context) => {
  needTools(context, "addr2line", "clang-14", "ld.lld");
  const code = `
    __attribute__((noinline)) int same_a(int x) { return x * 7 + 1; }
    __attribute__((noinline)) int same_b(int x) { return x * 7 + 1; }
    extern int also_same(int) __attribute__((alias("same_b")));
    int user(int x) { return same_a(x) - same_b(x + 1); }`;
  const flags = [...LIBRARY, "-O2", "-g", "-ffunction-sections", "-fvisibility=hidden", "-fuse-ld=lld"];
  const path = build(code, [...flags, "-Wl,--icf=all"], "clang-14");
  expect(addressOf(path, "same_a")).toBe(addressOf(path, "same_b"));
  const frame = frameAt(moduleAt(path), "same_b", 2);
  // addr2line goes by the debug information, as we do; llvm-symbolizer by one of the symbols.
  const [expected] = run("addr2line", "-fe", path, (addressOf(path, "same_b") + 2).toString(16)).split("\n");
  expect(["same_a", "same_b"]).toContain(expected);
  expect(frame.symbol).toBe(expected);
  expect([frame.symbol, ...frame.aliases!].sort()).toEqual(["also_same", "same_a", "same_b"]);
});

test("a label inside a function is not a function when the debug information knows better", (context) => {
  needTools(context, "gcc", "nm");
  const code = `int f(int x) { __asm__ volatile("nop\\n.globl inside\\ninside: nop"); return x + 1; }`;
  const path = build(code, [...LIBRARY, "-O1", "-g"]);
  const within = addressOf(path, "inside") - addressOf(path, "f");
  expect(within).toBeGreaterThan(0);
  expect(frameAt(moduleAt(path), "inside")).toMatchObject({ symbol: "f", offset: within });
  run("strip", "-g", path);
  expect(frameAt(moduleAt(path), "inside")).toMatchObject({ symbol: "inside", offset: 0 });
});

test("two static functions of one name, each with its own line", (context) => {
  needTools(context, "gcc", "nm");
  const directory = temporaryDirectory();
  const sources = ["a.c", "b.c"].map((name, i) => {
    const path = join(directory, name);
    const code = `__attribute__((noinline)) static int twin(int x) { return x * ${i + 5}; }\nint use_${i}(int x) { return twin(x); }\n`;
    writeFileSync(path, "\n".repeat(i * 10) + code);
    return path;
  });
  const program = join(directory, "lib.so");
  run("gcc", ...LIBRARY, "-O1", "-g", "-o", program, ...sources);
  const places = run("nm", program)
    .split("\n")
    .filter((line) => line.endsWith(" twin"))
    .map((line) => Number.parseInt(line, 16))
    .sort((a, b) => a - b);
  const module = moduleAt(program);
  const frames = places.map((address) => module.find(virtualAddress(address), false)[0]);
  expect(frames.map(({ symbol, file, line }) => [symbol, file, line])).toEqual([
    ["twin", sources[0], 1],
    ["twin", sources[1], 11],
  ]);
});

test("callers are looked up at the call, and shown at the return address", (context) => {
  needTools(context, "gcc", "objdump");
  const code = `
    __attribute__((noreturn)) void die(void);
    int before(int x) {
      if (x == 0)
        die();
      return x;
    }
    int after(int x) { return x + 1; }
    void last(void) { die(); }
    int next(int x) { return x - 1; }`;
  const path = build(code, [...LIBRARY, "-O1", "-g", "-falign-functions=1"]);
  const listing = run("objdump", "-d", "--no-show-raw-insn", path);
  // The address of the instruction behind each call, which may be another function's first.
  const returns = [...listing.matchAll(/call +[0-9a-f]+ <die@plt>\n(?:\n[0-9a-f]+ <\w+>:\n)? +([0-9a-f]+):/g)];
  expect(returns.length).toBe(2);
  const module = moduleAt(path);
  const answers = returns.map(([, text]) => {
    const address = virtualAddress(Number.parseInt(text, 16));
    const [frame] = module.find(address, true);
    expect(frame.moduleAddress).toBe(address);
    expect(address - (frame.offset ?? 0)).toBe(addressOf(path, frame.symbol!));
    return `${frame.symbol}:${frame.line}`;
  });
  expect(answers.sort()).toEqual(["before:5", "last:9"]);
  const exact = module.find(virtualAddress(addressOf(path, "next")), false)[0];
  expect(exact).toMatchObject({ symbol: "next", offset: 0, line: 10 });
});

test("PLT stubs are named", (context) => {
  needTools(context, "g++", "objdump");
  const code = `#include <cstdio>\nint main(int c, char **) { int *p = new int[c]; puts("x"); return p[0]; }`;
  const path = build(code, ["-O1", "-g", "-fno-builtin", "-fcf-protection=none", "-Wl,-z,lazy"], "g++", "cc");
  const stubs = [...run("objdump", "-d", "--no-show-raw-insn", path).matchAll(/^([0-9a-f]+) <(.*@plt)>:$/gm)];
  expect(stubs.length).toBeGreaterThan(2);
  const module = moduleAt(path);
  for (const [, text, name] of stubs) {
    const [frame] = module.find(virtualAddress(Number.parseInt(text, 16) + 6), false);
    const expected = run("c++filt", name.replace("@plt", "")).trim();
    // That of __cxa_finalize is in .plt.got, where entries are half as long.
    const size = expected === "__cxa_finalize" ? 8 : 16;
    expect(frame).toMatchObject({ symbol: `${expected}@plt`, offset: 6, size, symbolSource: `${path} .plt` });
  }
});

test("a function without a name has at least its bounds, and says that it was stripped", (context) => {
  needTools(context, "gcc", "readelf", "strip");
  const path = build(COLD, [...LIBRARY, "-O2", "-fvisibility=hidden"]);
  const row = readelfSymbols(path)
    .get(".symtab")!
    .find(({ name }) => name === "work")!;
  const address = virtualAddress(Number(`0x${row.value}`) + 2);
  run("strip", path);
  expect(moduleAt(path).find(address, false)).toEqual([
    {
      inlined: false,
      moduleAddress: address,
      offset: 2,
      size: row.size,
      symbolSource: `${path} .eh_frame`,
      reason: "stripped: no symbol covers it",
    },
  ]);
});

test("names that are kept in .gnu_debugdata, and those that are exported", (context) => {
  needTools(context, "gcc", "nm", "objcopy", "strip", "xz");
  const code = `
    __attribute__((noinline)) static int hidden(int x) { return x * 3; }
    int exported(int x) { return hidden(x) + 1; }`;
  const path = build(code, [...LIBRARY, "-O1"]);
  const [hidden, exported] = [addressOf(path, "hidden"), addressOf(path, "exported")];
  const mini = `${path}.mini`;
  run("objcopy", "--only-keep-debug", path, `${path}.debug`);
  run("objcopy", "-S", "--remove-section=.comment", "--keep-symbol=hidden", `${path}.debug`, mini);
  run("xz", mini);
  run("strip", path);
  run("objcopy", `--add-section=.gnu_debugdata=${mini}.xz`, path);
  const module = moduleAt(path);
  expect(module.find(virtualAddress(hidden + 1), false)).toMatchObject([
    { symbol: "hidden", offset: 1, symbolSource: `${path}: .gnu_debugdata .symtab` },
  ]);
  expect(module.find(virtualAddress(exported + 1), false)).toMatchObject([
    { symbol: "exported", offset: 1, symbolSource: `${path} .dynsym` },
  ]);
});

test("a symbol's version is no part of the function's name", (context) => {
  needTools(context, "gcc", "nm");
  const directory = temporaryDirectory();
  const map = join(directory, "map");
  writeFileSync(map, "V1 { global: f; };\nV2 { global: f; } V1;\n");
  const code = `int old_f(void) { return 1; }\nint new_f(void) { return 2; }
    __asm__(".symver old_f,f@V1");\n__asm__(".symver new_f,f@@V2");`;
  const path = build(code, [...LIBRARY, `-Wl,--version-script=${map}`]);
  expect(frameAt(moduleAt(path), "old_f")).toMatchObject({ symbol: "f", aliases: ["old_f"] });
  expect(run("nm", path)).toContain(" f@V1");
});

test("the address below the first function and the padding between two have no symbol, and a reason", (context) => {
  needTools(context, "gcc", "nm");
  const path = build("int a(void) { return 1; }\nint b(void) { return 2; }", [
    ...LIBRARY,
    "-O1",
    "-g",
    "-falign-functions=64",
  ]);
  const module = moduleAt(path);
  const [a, b] = [addressOf(path, "a"), addressOf(path, "b")];
  for (const address of [Math.min(a, b) - 1, Math.max(a, b) - 1]) {
    const [frame] = module.find(virtualAddress(address), false);
    expect(frame.symbol).toBeUndefined();
    expect(frame.reason).toMatch(/^(no symbol covers it|in no loaded segment)/);
  }
});

test("what is not code is said to be so", (context) => {
  needTools(context, "gcc", "readelf");
  const path = build(
    `int data = 1; const int constant[100] = {1}; int zeroed[100]; int main(void) { return data; }`,
    [],
  );
  const module = moduleAt(path);
  const reasonAt = (name: string): string | undefined =>
    module.find(virtualAddress(addressOf(path, name)), false)[0].reason;
  expect(reasonAt("data")).toBe("in .data, which is not code");
  expect(reasonAt("constant")).toBe("in .rodata, which is not code");
  expect(reasonAt("zeroed")).toBe("in .bss, which is not code");
  for (const address of [2 ** 40, -1, Number.MAX_SAFE_INTEGER])
    expect(module.find(virtualAddress(address), false)[0].reason).toBe("in no loaded segment");
  const text = readelfSections(path).find(({ name }) => name === ".init")!;
  const [frame] = module.find(virtualAddress(Number(`0x${text.address}`)), false);
  expect(frame).toMatchObject({ symbol: "_init", reason: "no debug information: compiled without -g, or stripped" });
});

const INLINES = `
#include <vector>
#include <string>
struct Base { virtual ~Base() = default; virtual int run(int x) const { return x; } };
namespace deep { template <typename T> struct Box : Base {
  T value; explicit Box(T v) : value(v) {}
  int run(int x) const override { std::vector<T> all(x, value); int s = 0; for (auto v : all) s += int(v); return s; }
}; }
int main(int argc, char **) {
  deep::Box<int> a(argc); deep::Box<short> b(short(argc + 1));
  const Base *each[] = {&a, &b};
  auto sum = [&](int n) { std::string text(n, 'x'); return int(text.size()) + each[n & 1]->run(n); };
  return sum(argc) + sum(argc + 2);
}
`;

test.for([
  ["g++", "-O2", "-gdwarf-4"],
  ["g++", "-O2", "-gdwarf-5"],
  ["g++", "-O3", "-g", "-gz", "-flto"],
  ["g++", "-O2", "-gdwarf-4", "-gz=zlib-gnu"],
  ["clang++-14", "-O2", "-gdwarf-4", "-fdebug-types-section"],
  ["g++", "-O2", "-gdwarf-4", "-fdebug-types-section"],
  ["clang++-14", "-O2", "-gdwarf-5", "-gz"],
])("%s: C++ with inlined calls, as llvm-symbolizer has it", ([compiler, ...flags], context) => {
  // Newer versions do not read .zdebug_* any more.
  const tool = flags.includes("-gz=zlib-gnu") ? "llvm-symbolizer-14" : "llvm-symbolizer-19";
  needTools(context, compiler, tool, "readelf");
  const path = build(INLINES, flags, compiler, "cc");
  const functions = readelfSymbols(path)
    .get(".symtab")!
    .filter(({ type, size, name }) => type === 2 && size > 0 && !name.startsWith("_start"));
  const all = functions.flatMap(({ value, size }) => Array.from({ length: size }, (_, i) => Number(`0x${value}`) + i));
  const picked = fc.sample(fc.nat(all.length - 1), { numRuns: 400, seed: 7 }).map((i) => all[i]);
  const asked = picked.map((address) => `0x${address.toString(16)}`);
  const expected = llvmFrames(path, asked, tool);
  const outermost = llvmFrames(path, asked, tool, "--no-inlines");
  const module = moduleAt(path);
  const found = module.findAll(picked.map(virtualAddress), false);
  const alone: ModuleFrame[][] = [];
  module.findEach(picked.map(virtualAddress), false, (frames) => alone.push(frames), { inlines: false });
  let inlined = 0;
  for (const [i, frames] of found.entries()) {
    const where = `0x${picked[i].toString(16)}`;
    expect(module.find(virtualAddress(picked[i]), false), where).toEqual(frames);
    inlined += frames.length - 1;
    // Parts of a function are named by their symbol here, by the function there; templates' spaces differ too.
    const plain = ({ name, file, line }: { name: string; file: string; line: number }) => ({
      name: name.replace(/ \[clone .*\]$/, "").replace(/ >/g, ">"),
      file: file.replace(/[^/]+\/\.\.\//g, "").replace(/\/\.\//g, "/"),
      line,
    });
    expect(peerFrames(frames).map(plain), where).toEqual(expected[i].map(plain));
    expect(peerFrames(alone[i]).map(plain), where).toEqual(outermost[i].map(plain));
    expect(peerFrames(withoutInlines(frames)).map(plain), where).toEqual(outermost[i].map(plain));
  }
  expect(inlined).toBeGreaterThan(100);
  expect(module.problems).toEqual([]);
});
