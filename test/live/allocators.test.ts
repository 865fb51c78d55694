/**
 * Allocators of every kind, and calls that are nested, interrupted or never return: against the ledgers that the
 * programs keep for themselves (programs/ledger.h).
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type JsonReport, type JsonStack, leakline, ROOT, startTarget, traceWith } from "../support/live.ts";
import { hasTool, presentInCi, temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const PROGRAMS = join(ROOT, "test", "live", "programs");
const LIBRARIES = "/usr/lib/x86_64-linux-gnu";
const ALLOCATORS = {
  jemalloc: `${LIBRARIES}/libjemalloc.so.2`,
  tcmalloc: `${LIBRARIES}/libtcmalloc_minimal.so.4`,
  mimalloc: `${LIBRARIES}/libmimalloc.so.2`,
} as const;
const NAMES = Object.keys(ALLOCATORS) as (keyof typeof ALLOCATORS)[];
const hasMusl = hasTool("musl-gcc");

function isThere(path: string): boolean {
  return presentInCi(existsSync(path), path);
}

let built = 0;

/** Compiles a source of `programs/`. */
function build(
  source: string,
  flags: readonly string[] = [],
  compiler = source.endsWith(".cc") ? "g++" : "gcc",
): string {
  const output = join(folder, `${source.replace(".", "-")}-${built++}`);
  const args = ["-g", "-O0", "-pthread", "-o", output, join(PROGRAMS, source), ...flags];
  execFileSync(compiler, args, { stdio: ["ignore", "ignore", "inherit"] });
  return output;
}

/** Compiles a program that uses the allocators of programs/pool.c, from a library. */
function buildWithPool(source: string): string {
  const library = join(folder, "libpool.so");
  execFileSync("gcc", ["-g", "-O0", "-shared", "-fPIC", "-o", library, join(PROGRAMS, "pool.c")]);
  return build(source, [library, `-Wl,-rpath,${folder}`]);
}

type Sites = { [site: string]: readonly [bytes: number, blocks: number] };

/** Outstanding by the innermost function that is a site. */
function bySite(stacks: readonly JsonStack[]): Sites {
  const sites: { [site: string]: [number, number] } = {};
  for (const { bytes, blocks, frames } of stacks) {
    const site = frames.find(({ symbol }) => symbol?.startsWith("site_"))?.symbol;
    if (site === undefined) continue;
    sites[site] ??= [0, 0];
    sites[site][0] += bytes;
    sites[site][1] += blocks;
  }
  return sites;
}

type Traced = { report: JsonReport; ledger: Sites; found: Sites };

/**
 * Traces a program from its `ready` to its `done`. `found` has the sites of `ledger`, and others with something
 * outstanding, of one class.
 */
async function trace(
  program: string,
  options: { args?: string[]; preload?: string; leakline?: string[]; class?: "heap" | "mapping" } = {},
): Promise<Traced> {
  const env = options.preload === undefined ? {} : { LD_PRELOAD: options.preload };
  const target = await startTarget(program, options.args, env);
  const running = await traceWith(target.pid, options.leakline);
  target.go();
  const ledger: { [site: string]: [number, number] } = {};
  for (let line = await target.line(); line !== "done"; line = await target.line()) {
    const [site, bytes, blocks] = line.split(" ");
    ledger[site] = [Number(bytes), Number(blocks)];
  }
  const report = (await running.done()).at(-1) as JsonReport;
  const outstanding = bySite(report.stacks.filter((stack) => stack.class === (options.class ?? "heap")));
  const found: { [site: string]: readonly [number, number] } = { ...outstanding };
  for (const site of Object.keys(ledger)) found[site] ??= [0, 0];
  return { report, ledger, found };
}

/** The account is the ledger, and nothing was lost, missed or left over. */
function expectExact({ report, ledger, found }: Traced): void {
  expect(Object.keys(ledger).length).toBeGreaterThan(1);
  expect(found).toEqual(ledger);
  const { droppedBlocks, droppedStacks, droppedThreads, missedFrees, unmatchedFrees } = report.quality;
  expect({ droppedBlocks, droppedStacks, droppedThreads, missedFrees, unmatchedFrees }).toEqual({
    droppedBlocks: 0,
    droppedStacks: 0,
    droppedThreads: 0,
    missedFrees: 0,
    unmatchedFrees: 0,
  });
}

describe("malloc's family is accounted to the byte and block", () => {
  test("of glibc", async () => {
    expectExact(await trace(build("family.c")));
  });

  test("of glibc, linked statically", async () => {
    expectExact(await trace(build("family.c", ["-static"])));
  });

  for (const name of NAMES) {
    test.skipIf(!isThere(ALLOCATORS[name]))(`of ${name}, preloaded`, async () => {
      expectExact(await trace(build("family.c"), { preload: ALLOCATORS[name] }));
    });
    test.skipIf(!isThere(ALLOCATORS[name]))(`of ${name}, linked`, async () => {
      expectExact(await trace(build("family.c", [ALLOCATORS[name]])));
    });
  }

  // musl's own code has no unwind tables: the caller of its strdup is not found.
  test.skipIf(!hasMusl).for([
    ["of musl", []],
    ["of musl, linked statically", ["-static"]],
  ] as const)("%s", async ([, flags]) => {
    const traced = await trace(build("family.c", flags, "musl-gcc"));
    const lost = traced.report.stacks.filter(({ frames }) => !frames.some(({ symbol }) => symbol?.startsWith("site_")));
    expect(lost.map(({ bytes, blocks }) => [bytes, blocks])).toContainEqual(traced.ledger.site_strdup);
    expectExact({ ...traced, found: { ...traced.found, site_strdup: traced.ledger.site_strdup } });
  });
});

describe("the functions that an allocator has beside malloc's family", () => {
  for (const name of NAMES)
    test.skipIf(!isThere(ALLOCATORS[name]))(`of ${name}`, async () => {
      expectExact(await trace(build("own-api.c", [`-D${name.toUpperCase()}`, ALLOCATORS[name]])));
    });
});

describe("operator new and delete in every form", () => {
  const kinds: [string, string[], string | undefined][] = [
    ["of libstdc++, which call malloc and free", [], undefined],
    ["of libstdc++, linked statically", ["-static"], undefined],
    ["of the program's own, under which there is no malloc", ["-DOWN"], undefined],
    ...NAMES.map((name): [string, string[], string] => [`of ${name}`, [], ALLOCATORS[name]]),
  ];
  describe.for(kinds)("%s", ([, flags, preload]) => {
    const skip = preload !== undefined && !isThere(preload);
    test.skipIf(skip)("are accounted to the byte and block", async () => {
      expectExact(await trace(build("operators.cc", flags), preload === undefined ? {} : { preload }));
    });

    // mimalloc, where it is compiled as C, ends the program itself.
    if (preload?.includes("mimalloc")) return;
    test.skipIf(skip)("that fails throws, and the program lives on", async () => {
      const args = ["fails"];
      expectExact(await trace(build("operators.cc", flags), preload === undefined ? { args } : { args, preload }));
    });
  });
});

/** What describes the allocators of programs/pool.c. */
const POOL = [
  ["--alloc", "pool_alloc(_, size)", "--free", "pool_free(_, ptr)"],
  ["--alloc", "pool_calloc(count, size)", "--alloc", "pool_realloc(old, size)"],
  ["--alloc", "pool_memalign(out, _, size)", "--alloc", "pool_node(_, size=48)"],
].flat();

describe("a user's own allocators", () => {
  test("in the program, static in a library, with a first argument like `this`, realloc-like, with an out-parameter", async () => {
    const others = ["--alloc", "own_alloc", "--free", "own_free", "--alloc", "libpool.so:hidden_alloc"];
    const options = [...POOL, ...others, "--free", "libpool.so:hidden_free(ptr)"];
    expectExact(await trace(buildWithPool("user-pair.c"), { leakline: options }));
  });

  test.for([
    [["--alloc", "no_such_function"], 1, /no_such_function/],
    [["--alloc", "pool_aloc(_, size)"], 1, /similar: pool_alloc/],
    [["--free", "libother.so:pool_free"], 1, /libother\.so/],
    [["--alloc", "pool_alloc(_, length)"], 2, /'length'/],
    [["--free", "pool_free(_)"], 2, /block/],
  ] as const)("%s ends with the reason in one line", async ([options, code, reason]) => {
    const target = await startTarget(buildWithPool("user-pair.c"));
    const result = leakline(["attach", String(target.pid), "-d", "1", ...options]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(reason);
    expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("calls that are interrupted or never return", () => {
  const program = (): string => buildWithPool("interrupted.c");
  test.for([
    ["signal", "a signal handler allocates during a call"],
    ["altstack", "it does so on a stack of its own"],
    ["longjmp", "the call is left by longjmp"],
    ["cancel", "the thread is cancelled in the call"],
    ["exit", "the thread ends itself in the call"],
  ] as const)("%s: %s", async ([how]) => {
    const traced = await trace(program(), { args: [how], leakline: POOL });
    expect(traced.found).toEqual({ ...traced.found, ...traced.ledger });
  });
});

test("munmap, mmap and mremap of parts of mappings", async () => {
  const traced = await trace(build("mappings.c"), { class: "mapping" });
  expect(traced.found).toEqual(traced.ledger);
});

test("a block that takes the address of a freed one between two reports is another one", async () => {
  const target = await startTarget(build("reuse.c"));
  const { running, done } = await traceWith(target.pid);
  target.go();
  const address = await target.line();
  process.kill(running.child.pid as number, "SIGUSR1");
  await running.printed(1);
  target.go();
  expect(await target.line()).toBe(address);
  const [first, last] = await done();
  expect(bySite(first.stacks)).toEqual({ site_first: [500, 1] });
  expect(bySite(last.stacks.filter(({ blocks }) => blocks > 0))).toEqual({ site_second: [499, 1] });
});

test("children that are forked, vforked and spawned leave the account alone", async () => {
  expectExact(await trace(build("children.c")));
});

test("the account of a program that has exited with blocks live is still there", async () => {
  const target = await startTarget(build("children.c"));
  const { running } = await traceWith(target.pid);
  target.go();
  while ((await target.line()) !== "done");
  target.go();
  expect(await target.exited).toBe(0);
  const { stdout, code } = await running.finished;
  expect(code).toBe(0);
  const [report] = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as JsonReport);
  expect(bySite(report.stacks.filter((stack) => stack.class === "heap"))).toMatchObject({
    site_kept: [900, 9],
    site_after: [77, 1],
  });
});
