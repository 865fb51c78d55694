/** Where a user's functions are: against nm, in programs compiled here. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  type Running,
  start,
  temporaryDirectory,
} from "../../test/support/programs.ts";
import { hex } from "../base/address.ts";
import { demangle } from "../demangle/index.ts";
import { findAllocatorLibraries } from "./allocators.ts";
import { executableMappings } from "./modules.ts";
import { parseAllocation } from "./user-allocator.ts";
import { type FoundFunction, findUserFunctions, withUserFunctions } from "./user-functions.ts";

const LIBRARY = `
typedef unsigned long size_t;
__attribute__((noinline, used)) static void *hidden_alloc(size_t size) { return (void *)size; }
__attribute__((noinline)) void *lib_alloc(size_t size) { return hidden_alloc(size); }
__attribute__((noinline, used)) static void *twice(size_t size) { return (void *)(size + 1); }
void *lib_alias(size_t) __attribute__((alias("lib_alloc")));
static void *choose(void) { return (void *)hidden_alloc; }
void *chosen(size_t) __attribute__((ifunc("choose")));
int lib_data = 3;
`;
const PROGRAM = `
#include <cstdio>
#include <cstdlib>
#include <new>
#include <unistd.h>
struct Pool {
  __attribute__((noinline, used)) void *allocate(unsigned long size) { return this + size; }
  __attribute__((noinline, used)) void *overloaded(unsigned long size) { return this + size; }
  __attribute__((noinline, used)) void *overloaded(unsigned long size, int) { return this + size; }
  __attribute__((noinline, used)) void *operator()(unsigned long size) { return this + 2 * size; }
  __attribute__((noinline, used)) static void *operator new(unsigned long size) { return std::malloc(size); }
};
template <class T> struct Typed {
  __attribute__((noinline, used)) T *get(unsigned long count) { return (T *)this + count; }
};
template struct Typed<int>;
template struct Typed<char>;
namespace {
__attribute__((noinline, used)) void *inside(unsigned long size) { return (void *)size; }
}
extern "C" {
__attribute__((noinline, used)) void *twice(unsigned long size) { return (void *)size; }
__attribute__((noinline, used)) void *c_alloc(unsigned long size) { return (void *)size; }
void *lib_alloc(unsigned long);
}
/* A function without a size, as assemblers leave it. */
asm(".globl sizeless\\nsizeless: ret\\n");
int main() {
  Pool pool;
  Typed<int> typed;
  volatile void *p = pool.allocate(1); p = pool.overloaded(1); p = pool.overloaded(1, 2); p = pool(3); p = typed.get(1);
  p = inside(1); p = twice(2); p = c_alloc(3); p = lib_alloc(4);
  std::puts("ready"); std::fflush(stdout); pause();
}
`;

const PASSES_ON = `
#include <unistd.h>
#include <stdio.h>
#include <new>
extern "C" __attribute__((noinline)) void *get(unsigned long n) { return operator new(n); }
int main(int count, char **) {
  volatile void *p = get(count);
  puts("ready"); fflush(stdout); pause();
}
`;

const directory = temporaryDirectory();
killStartedPrograms();
const library = join(directory, "libpool.so.3");
const program = join(directory, "program");

/** What the options say, word by word. */
function findGiven({ pid }: { pid: number }, ...texts: string[]): FoundFunction[] {
  return findUserFunctions(pid, executableMappings(pid), texts.map(parseAllocation), demangle);
}

describe.skipIf(!hasTool("g++") || !hasTool("nm"))("findUserFunctions", () => {
  let running: Running;
  beforeAll(async () => {
    compile(library, LIBRARY, ["-shared", "-fPIC", "-Wl,-soname,libpool.so.3"]);
    writeFileSync(`${program}.cc`, PROGRAM);
    execFileSync("g++", ["-O1", "-o", program, `${program}.cc`, library, `-Wl,-rpath,${directory}`]);
    running = await start(program);
  });

  function find(...texts: string[]): FoundFunction[] {
    return findGiven(running, ...texts);
  }

  /** Name (demangled, with parameters) → address, by nm. */
  function symbolsOf(path: string): Map<string, number> {
    const lines = execFileSync("nm", ["-C", "--defined-only", path], { encoding: "utf8" }).split("\n");
    return new Map(
      lines.flatMap((line) => {
        const match = /^([0-9a-f]+) (\w) (.*)$/.exec(line);
        return match ? [[match[3], Number.parseInt(match[1], 16)] as const] : [];
      }),
    );
  }

  test.for([
    ["c_alloc", program, "c_alloc"],
    ["hidden_alloc(size)", library, "hidden_alloc"],
    ["libpool.so.3:lib_alloc", library, "lib_alloc"],
    ["lib_alias", library, "lib_alias"],
    ["libpool.so:twice", library, "twice"],
    ["program:twice", program, "twice"],
    ["sizeless(size)", program, "sizeless"],
    ["Pool::allocate(_, size)", program, "Pool::allocate(unsigned long)"],
    ["Pool::operator()(_, size)", program, "Pool::operator()(unsigned long)"],
    ["Typed<char>::get(_, size)", program, "Typed<char>::get(unsigned long)"],
    ["(anonymous namespace)::inside", program, "(anonymous namespace)::inside(unsigned long)"],
    ["_ZN4Pool10overloadedEmi(_, size)", program, "Pool::overloaded(unsigned long, int)"],
  ] as const)("%s is where nm has it", ([text, path, name]) => {
    const address = symbolsOf(path).get(name);
    expect(address).toBeGreaterThan(0);
    expect(find(text).map((found) => [found.module.path, found.address])).toEqual([[path, address]]);
  });

  test("a file offset is that of the program header, and code is what is there", () => {
    const [{ fileOffset, address, size }] = find("c_alloc");
    const bytes = execFileSync("xxd", ["-s", String(fileOffset), "-l", String(size), "-p", program], {
      encoding: "utf8",
    });
    const dump = execFileSync(
      "objdump",
      ["-d", `--start-address=${address}`, `--stop-address=${address + size}`, program],
      {
        encoding: "utf8",
      },
    );
    const code = [...dump.matchAll(/^ +[0-9a-f]+:\t((?:[0-9a-f]{2} )+)/gm)]
      .map(([, hex]) => hex.replaceAll(" ", ""))
      .join("");
    expect(bytes.trim()).toBe(code);
  });

  test("a name that two files have is refused with both places, and chosen by file, by address, or as both", () => {
    const inProgram = symbolsOf(program).get("twice") as number;
    const inLibrary = symbolsOf(library).get("twice") as number;
    expect(() => find("twice")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: expect.stringMatching(
          new RegExp(`2 functions.*${program}:0x${hex(inProgram)}, ${library}:0x${hex(inLibrary)} \\(static\\)`),
        ),
        hint: expect.stringContaining("FILE:NAME"),
      }),
    );
    const places = (text: string) => find(text).map(({ module, address }) => [module.path, address]);
    expect(places(`libpool.so:0x${hex(inLibrary)}`)).toEqual([[library, inLibrary]]);
    expect(places("*:twice")).toEqual([
      [program, inProgram],
      [library, inLibrary],
    ]);
  });

  test("an overloaded name is refused with the parameters of each", () => {
    expect(() => find("Pool::overloaded(_, size)")).toThrow(
      expect.objectContaining({
        code: "usage",
        message: expect.stringMatching(/Pool::overloaded\(unsigned long\).*Pool::overloaded\(unsigned long, int\)/),
      }),
    );
  });

  test("one that chooses an implementation is refused, its chooser is not called", () => {
    expect(() => find("chosen")).toThrow(
      expect.objectContaining({ code: "unsupported", message: expect.stringContaining("IFUNC") }),
    );
  });

  test.for([
    ["c_aloc", /similar: c_alloc/],
    ["Pool::Allocate(_, size)", /similar: Pool::allocate/],
    ["hidden_allocate", /hidden_alloc/],
    ["nothing_is_named_like_this", /inlined/],
    ["lib_data", /./],
  ] as const)("%s is not there, and the hint helps", ([text, hint]) => {
    expect(() => find(text)).toThrow(expect.objectContaining({ code: "not-found", hint: expect.stringMatching(hint) }));
  });

  test("a file that is not mapped, and an address inside a function, are refused", () => {
    expect(() => find("libother.so:f")).toThrow(
      expect.objectContaining({ code: "not-found", hint: expect.stringContaining(library) }),
    );
    const inside = (symbolsOf(program).get("c_alloc") as number) + 1;
    expect(() => find(`program:0x${hex(inside)}(size)`)).toThrow(
      expect.objectContaining({ code: "not-found", message: expect.stringContaining("no function starts there") }),
    );
  });

  test("in a stripped file, a function is found by address where its unwind table starts", async () => {
    const stripped = join(directory, "stripped");
    execFileSync("strip", ["-o", stripped, program]);
    const other = await start(stripped);
    const address = symbolsOf(program).get("c_alloc") as number;
    const findThere = (text: string) => findGiven(other, text);
    expect(() => findThere("c_alloc")).toThrow(expect.objectContaining({ code: "not-found" }));
    expect(findThere(`stripped:0x${hex(address)}(size)`)).toMatchObject([{ address, isStatic: true }]);
    expect(() => findThere(`stripped:0x${hex(address + 1)}(size)`)).toThrow(
      expect.objectContaining({ code: "not-found" }),
    );
  });

  test("one that an exception could leave is refused, unless the user knows better", async () => {
    // It has no handlers and no cleanups: it only passes exceptions on.
    const passing = join(directory, "passing");
    writeFileSync(`${passing}.cc`, PASSES_ON);
    execFileSync("g++", ["-O1", "-o", passing, `${passing}.cc`]);
    const other = await start(passing);
    expect(() => findGiven(other, "get")).toThrow(
      expect.objectContaining({ code: "refused", hint: expect.stringContaining("noexcept") }),
    );
    expect(findGiven(other, "get noexcept")).toMatchObject([{ symbol: "get" }]);
  });

  test("they stand beside those that are known; one that is known already is described anew", () => {
    const known = findAllocatorLibraries(running.pid);
    const merged = withUserFunctions(
      known,
      find("c_alloc", "lib_alloc(_, size)", "libc.so:valloc(_, _, size) noexcept"),
    );
    const of = (path: string) =>
      merged.filter(({ module }) => module.path === path).flatMap(({ functions }) => functions);
    expect(of(program)).toMatchObject([{ name: "c_alloc", probes: "entry and return", signature: { size: 1 } }]);
    expect(of(library)).toMatchObject([{ name: "lib_alloc", signature: { size: 2 } }]);
    const libc = merged.find(({ family }) => family === "glibc")?.functions ?? [];
    expect(libc.filter(({ symbols }) => symbols.includes("valloc"))).toMatchObject([{ signature: { size: 3 } }]);
    expect(libc.length).toBe(known.find(({ family }) => family === "glibc")?.functions.length);
  });
});
