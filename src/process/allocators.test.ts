import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  presentInCi,
  start,
  temporaryDirectory,
} from "../../test/support/programs.ts";
import { type AllocatorLibrary, findAllocatorLibraries } from "./allocators.ts";

const hasTools = hasTool("gcc") && hasTool("readelf");
const hasMusl = hasTool("musl-gcc");
const directory = temporaryDirectory();
killStartedPrograms();

const SOURCE = `
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) { void *volatile block = realloc(malloc(3), 5); free(block); puts("ready"); fflush(stdout); pause(); }
`;

/** Symbol → file offset, by readelf's symbols and program headers. */
function definitionsIn(path: string, table: "--dyn-syms" | "-s"): Map<string, number> {
  const run = (options: string[]) =>
    execFileSync("readelf", [...options, "-W", path], { encoding: "utf8" }).split("\n");
  const loads = run(["-l"])
    .filter((line) => /^ +LOAD /.test(line))
    .map((line) => line.trim().split(/\s+/).slice(1, 5).map(Number));
  const definitions = new Map<string, number>();
  for (const line of run([table])) {
    const [, value, , type, bind, , index, name] = line.trim().split(/\s+/);
    if (type !== "FUNC" || bind === "LOCAL" || index === "UND" || !name) continue;
    const address = Number.parseInt(value, 16);
    const load = loads.find(([, start, , size]) => address >= start && address < start + size);
    if (load) definitions.set(name.split("@")[0], address - load[1] + load[0]);
  }
  return definitions;
}

/** Every symbol that was found is where readelf has it, and none of `names` is missing. */
function expectAgreement(library: AllocatorLibrary, table: "--dyn-syms" | "-s", names: readonly string[]): void {
  const expected = definitionsIn(library.module.path, table);
  const found = new Map(library.functions.flatMap((f) => f.symbols.map((symbol) => [symbol, f.fileOffset] as const)));
  for (const [symbol, offset] of found) expect([symbol, offset]).toEqual([symbol, expected.get(symbol)]);
  for (const name of names) expect([name, found.has(name)]).toEqual([name, true]);
}

/** Names of the installed allocators that could be of functions which allocate or free. */
const MAY_ALLOCATE = /alloc|free|memalign|new|delete|dup|_Z[nd][wa]|^mmap|^munmap|^mremap/;
/**
 * Those that are not, by the allocators' documentation: they tell or change settings, make a heap (not a block), end a
 * heap with all its blocks, or are C++ of the allocator's own. mi_cfree, reallocarr, mi_dupenv_s, the wide characters'
 * and the Windows names call a function that is known (by their disassembly).
 */
const HARMLESS = [
  /^_ZNK?(?!St)|^_ZNK?St|^_Z2\d[A-Za-z]/, // C++ functions of the allocator's own
  /malloc_(size|usable_size|good_size|stats)|^mallinfo|new_mode$|TCMallocGetenvSafe/,
  /^(tc_)?nallocx$|^sallocx$/,
  /^Malloc(Hook|Extension)_/,
  /^mi_heap_(new|new_in_arena|delete|destroy)$|^mi_register_deferred_free$/,
  /^mi_cfree$|^(mi_)?reallocarr$|^mi_(w?dupenv_s|wcsdup|mbsdup)$|^_aligned_malloc$|^mi_aligned_(offset_)?recalloc$/,
];

const C_FUNCTIONS = ["malloc", "calloc", "realloc", "free", "posix_memalign", "aligned_alloc", "memalign"];
const MAPPING_FUNCTIONS = ["mmap", "munmap", "mremap"];

describe.skipIf(!hasTools)("findAllocatorLibraries", () => {
  const program = join(directory, "program");
  beforeAll(() => {
    compile(program, SOURCE);
  });

  test("finds the C library's functions where readelf has them, aliases joined", async () => {
    const { pid } = await start(program);
    const [libc, ...others] = findAllocatorLibraries(pid);
    expect(others).toEqual([]);
    expect(libc.family).toBe("glibc");
    // "ldd (Debian GLIBC 2.36-9) 2.36"
    expect(libc.version).toBe(
      execFileSync("ldd", ["--version"], { encoding: "utf8" }).split("\n")[0].split(" ").at(-1),
    );
    const names = [...C_FUNCTIONS, ...MAPPING_FUNCTIONS, "valloc", "pvalloc", "reallocarray"];
    expectAgreement(libc, "--dyn-syms", names);
    expect(libc.functions.find(({ name }) => name === "mmap")?.symbols).toEqual(["mmap", "mmap64"]);
    expect(new Set(libc.functions.map(({ fileOffset }) => fileOffset)).size).toBe(libc.functions.length);
  });

  const preloads = [
    ["jemalloc", "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"],
    ["tcmalloc", "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4"],
    ["mimalloc", "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2"],
  ] as const;
  for (const [family, path] of preloads)
    test.skipIf(!presentInCi(existsSync(path), path))(`a preloaded ${family} comes before the C library`, async () => {
      const { pid } = await start(program, [], { env: { ...process.env, LD_PRELOAD: path } });
      const libraries = findAllocatorLibraries(pid);
      expect(libraries[0].family).toBe(family);
      expect(libraries.at(-1)?.family).toBe("glibc");
      expectAgreement(libraries[0], "--dyn-syms", [...C_FUNCTIONS, "_Znwm", "_ZdlPv"]);
    });

  for (const [family, path] of preloads)
    test.skipIf(!presentInCi(existsSync(path), path))(
      `of ${family}, every function that hands out or takes back memory is known`,
      async () => {
        const { pid } = await start(program, [], { env: { ...process.env, LD_PRELOAD: path } });
        const [{ functions }] = findAllocatorLibraries(pid);
        const known = new Set(functions.flatMap(({ symbols }) => symbols));
        const exported = [...definitionsIn(path, "--dyn-syms").keys()];
        const missing = exported.filter(
          (name) => MAY_ALLOCATE.test(name) && !HARMLESS.some((harmless) => harmless.test(name)) && !known.has(name),
        );
        expect(missing).toEqual([]);
      },
    );

  test.skipIf(!hasTool("objdump"))("a function that only jumps on to another one is not probed", async () => {
    const path = preloads[0][1];
    const { pid } = await start(program, [], { env: { ...process.env, LD_PRELOAD: path } });
    const [{ functions }] = findAllocatorLibraries(pid);
    const code = execFileSync("objdump", ["-d", "--no-show-raw-insn", path], { encoding: "utf8", maxBuffer: 1 << 28 });
    // "…<_ZdlPv@@Base>:\n   ae0d0:\tjmp    90c0 <free@plt>"
    const jumps = [...code.matchAll(/<(\w+)@@Base>:\n +[0-9a-f]+:\tjmp +[0-9a-f]+ <(\w+)@/g)]
      .filter(([, from, to]) => (/^_Zd[la]Pv/.test(from) && to === "free") || (/^_Zna/.test(from) && /^_Znw/.test(to)))
      .map(([, from]) => from);
    expect(jumps.length).toBeGreaterThan(0);
    const silent = functions.filter(({ probes }) => probes === "none").flatMap(({ symbols }) => symbols);
    expect(silent.toSorted()).toEqual(jumps.toSorted());
    expect(functions.find(({ name }) => name === "free")?.probes).toBe("entry");
  });

  test("an operator delete that may call free is probed at its return too, one beside its own malloc is not", async () => {
    const source = `${SOURCE}
      static char arena[4096]; static unsigned used;
      void *_Znwm(unsigned long size) { used += size; return arena; }
      void _ZdlPv(void *block) { if (block) used--; }`;
    const { pid } = await start(compile(join(directory, "operators"), source));
    const [own] = findAllocatorLibraries(pid);
    expect(own.functions.map(({ name, probes }) => [name, probes])).toEqual([
      ["_Znwm", "entry and return"],
      ["_ZdlPv", "entry and return"],
    ]);
    const mallocs = `${source} void *je_malloc(unsigned long size) { return (void *)size; }`;
    const other = await start(compile(join(directory, "operators-and-malloc"), mallocs));
    const [both] = findAllocatorLibraries(other.pid);
    expect(both.functions.find(({ name }) => name === "_ZdlPv")?.probes).toBe("entry");
  });

  test("an allocator that a library hides is found by its local symbols", async () => {
    const library = compile(
      join(directory, "libhides.so"),
      `#define HIDDEN __attribute__((visibility("hidden"), noinline))
      HIDDEN void *je_mallocx(unsigned long size, int flags) { return (void *)(size + flags); }
      static void *__attribute__((noinline, used)) malloc_(unsigned long size) { return (void *)size; }
      void *use(unsigned long size) { return je_mallocx(size, 3); }`,
      ["-shared", "-fPIC"],
    );
    const source = `${SOURCE} void *use(unsigned long); void *user(void) { return use(1); }`;
    const { pid } = await start(compile(join(directory, "hides"), source, [library, `-Wl,-rpath,${directory}`]));
    const [hiding] = findAllocatorLibraries(pid);
    expect(hiding.module.path).toBe(library);
    expect(hiding.functions).toMatchObject([{ name: "je_mallocx", signature: { operation: "allocate", size: 1 } }]);
  });

  test("a statically linked malloc is found in the executable's .symtab", async () => {
    const { pid } = await start(compile(join(directory, "static"), SOURCE, ["-static"]));
    const [only, ...others] = findAllocatorLibraries(pid);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ family: "glibc", module: { isExecutable: true } });
    expectAgreement(only, "-s", C_FUNCTIONS);
  });

  test.skipIf(!hasMusl)("musl is known by its symbols, linked dynamically and statically", async () => {
    const shared = await start(compile(join(directory, "musl"), SOURCE, [], "musl-gcc"));
    const [libc] = findAllocatorLibraries(shared.pid);
    expect(libc.family).toBe("musl");
    expectAgreement(libc, "--dyn-syms", [...C_FUNCTIONS, ...MAPPING_FUNCTIONS]);
    const fixed = await start(compile(join(directory, "musl-static"), SOURCE, ["-static"], "musl-gcc"));
    const [own] = findAllocatorLibraries(fixed.pid);
    expect(own).toMatchObject({ family: "musl", module: { isExecutable: true } });
    expectAgreement(own, "-s", ["malloc", "realloc", "free"]);
  });

  test("the executable's own malloc comes first, the C library's is still reported", async () => {
    const source = `${SOURCE}
      static char arena[4096]; static unsigned used;
      void *malloc(unsigned long size) { used += 16; return arena + used - 16 + 0 * size; }
      void *realloc(void *block, unsigned long size) { return block ? block : malloc(size); }
      void free(void *block) { (void)block; }`;
    const { pid } = await start(compile(join(directory, "own-malloc"), source, ["-fno-builtin"]));
    const libraries = findAllocatorLibraries(pid);
    expect(libraries.map(({ family, module }) => [family, module.isExecutable])).toEqual([
      ["other", true],
      ["glibc", false],
    ]);
    expectAgreement(libraries[0], "-s", ["malloc", "realloc", "free"]);
  });

  test("an allocator linked in under a prefix is found", async () => {
    const source = `${SOURCE}
      void *_rjem_malloc(unsigned long size) { return (void *)size; }
      void _rjem_mallctl(void) {}`;
    const { pid } = await start(compile(join(directory, "prefixed"), source));
    const [own] = findAllocatorLibraries(pid);
    expect(own.family).toBe("jemalloc");
    expect(own.functions).toMatchObject([{ name: "_rjem_malloc", symbols: ["_rjem_malloc"] }]);
    expectAgreement(own, "-s", ["_rjem_malloc"]);
  });

  test("neither a static function nor one that chooses an implementation is taken for an allocator", async () => {
    const source = `${SOURCE}
      static void *__attribute__((noinline)) hidden(unsigned long size) { return (void *)size; }
      static void *choose(void) { return (void *)hidden; }
      void *valloc(unsigned long) __attribute__((ifunc("choose")));
      static void __attribute__((used)) cfree(void *block) { (void)block; }`;
    const { pid } = await start(compile(join(directory, "chooses"), source));
    expect(findAllocatorLibraries(pid).map(({ family }) => family)).toEqual(["glibc"]);
  });
});
