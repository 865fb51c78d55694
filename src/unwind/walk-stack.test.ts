/**
 * Walks the stacks of real programs, and compares frame by frame with gdb.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { openPath } from "../../test/support/elf-files.ts";
import { type GdbStop, gdbStops } from "../../test/support/gdb-stops.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { PF_X } from "../elf/constants.ts";
import {
  compileUnwindTable,
  KIND_END,
  KIND_RSP,
  lookupRule,
  MAX_FRAMES,
  type MappedTable,
  NO_RULE,
  packRule,
  RBP_LOST,
  RBP_SAME,
  ruleText,
  walkStack,
} from "./index.ts";

const C = `
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#define NOINLINE __attribute__((noinline, noclone))
volatile int sink;
NOINLINE void leaf(int n) { sink += n; }
NOINLINE int dynamic(int n) { char *p = alloca(n * 16 + 16); memset(p, n, n * 16 + 16); leaf(p[3]); return p[n]; }
NOINLINE int aligned(int n) { char a[64] __attribute__((aligned(64))); memset(a, n, 64); return dynamic(n + a[5]) + a[n & 63]; }
NOINLINE int both(int n) { char a[64] __attribute__((aligned(64))), *p = alloca(n + 16); memset(a, n, 64); memset(p, n, n); return aligned(n) + a[n & 63] + p[n / 2]; }
NOINLINE void handler(int s) { sink += both(s); }
NOINLINE int many(int a, int b, int c, int d, int e, int f, int g, int h) {
  int r = a + h;
  if (a > 0) r += many(a - 1, h, g, f, e, d, c, b); else raise(SIGUSR1);
  return r + b + sink;
}
NOINLINE int compare(const void *a, const void *b) { sink += many(3, 2, 3, 4, 5, 6, 7, 8); return *(int *)a - *(int *)b; }
NOINLINE void *work(void *data) { int v[3] = {3, 1, 2}; qsort(v, 3, sizeof *v, compare); sink += atoi("17") + v[0]; return data; }
int main(int argc, char **argv) {
  (void)argv;
  signal(SIGUSR1, handler);
#ifdef THREAD
  pthread_t thread;
  pthread_create(&thread, 0, work, 0);
  pthread_join(thread, 0);
#else
  work(0);
#endif
  return argc - 1;
}
`;

const CPP = `
#include <algorithm>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>
volatile int sink;
extern "C" __attribute__((noinline)) void leaf(int n) { sink = sink + n; }
__attribute__((noinline)) void refuse(std::string const &s) noexcept { if (!s.empty()) throw std::runtime_error(s); }
int main(int argc, char **) {
  std::set_terminate([] { leaf(1); std::abort(); });
  std::vector<std::string> v{"b", "ccc", "a"};
  std::function<bool(std::string const &, std::string const &)> less = [&](auto &a, auto &b) {
    try { if (a.size() == 1) throw std::logic_error(a); } catch (std::exception &) { refuse(b); }
    return a < b;
  };
  std::sort(v.begin(), v.end(), less);
  return argc - 1;
}
`;

const RUST = `
#[no_mangle] #[inline(never)] pub extern "C" fn leaf(n: usize) -> usize { std::hint::black_box(n) }
#[inline(never)] fn search(v: &[usize], i: usize) -> usize { let mut w: Vec<usize> = v.to_vec(); w.sort_by(|a, b| { if *a == 7 { leaf(v[i + 9]); } a.cmp(b) }); w[0] }
fn main() {
    std::panic::set_hook(Box::new(|_| { leaf(3); }));
    let v: Vec<usize> = vec![9, 7, 8];
    println!("{}", search(&v, std::env::args().count() - 1));
}
`;

function compile(context: TestContext, name: string, source: string, command: string[]): string {
  needTools(context, "gdb", command[0]);
  const program = join(temporaryDirectory(), "program");
  writeFileSync(`${program}.${name}`, source);
  run(command[0], ...command.slice(1), "-o", program, `${program}.${name}`);
  return program;
}

/** Walks at every stop; the differences, as text. */
function differences(program: string, steps: number): { compared: number; deepest: number; wrong: string[] } {
  const { stops, mappings } = gdbStops(program, steps);
  const tables = mappings.map(({ start, end, offset, path }): MappedTable => {
    if (!path.startsWith("/")) return { start, end, bias: 0n };
    const elf = openPath(path);
    // The mapping starts with the page of the segment's first byte, which other segments may share.
    const segment = elf.segments.find((load) => load.flags & PF_X && load.offset - (load.offset % 4096) === offset)!;
    const bias = start - BigInt(segment.address - (segment.offset % 4096));
    return { start, end, bias, table: compileUnwindTable(elf) };
  });
  const result = { compared: 0, deepest: 0, wrong: [] as string[] };
  for (const [i, stop] of stops.entries()) {
    const rules = stop.frames.map((frame, level) => ruleAt(tables, level > 0 ? frame - 1n : frame));
    // Where the tables have no rule, a difference says nothing about them. And GCC does not tell that rbp has been
    // restored before the last instruction of a function that realigns its stack; gdb knows that instruction.
    if (rules.includes("none") || rules[0] === "rsp+8 rbp=*(rbp)") continue;
    const { frames, end } = walkStack(reader(stop), stop, tables);
    result.compared++;
    result.deepest = Math.max(result.deepest, frames.length);
    if (frames.join() !== stop.frames.join() || end !== "outermost") {
      const text = (list: bigint[]) => list.map((frame) => frame.toString(16)).join(" ");
      result.wrong.push(`step ${i}: ${text(frames)} (${end}) instead of ${text(stop.frames)}`);
    }
  }
  return result;
}

function ruleAt(mappings: MappedTable[], address: bigint): string {
  const mapping = mappings.find(({ start, end }) => address >= start && address < end);
  return ruleText(mapping?.table ? lookupRule(mapping.table, Number(address - mapping.bias)) : NO_RULE);
}

function reader({ stack, stackStart }: GdbStop): (address: bigint) => bigint | undefined {
  return (address) => {
    const at = Number(address - stackStart);
    return at >= 0 && at + 8 <= stack.length ? stack.readBigUInt64LE(at) : undefined;
  };
}

const NO_FP = ["-O2", "-g0", "-fomit-frame-pointer"];

test.for([
  ["gcc", 400, "gcc", ...NO_FP],
  ["gcc, with frame pointers", 400, "gcc", "-O2", "-g0", "-fno-omit-frame-pointer"],
  ["gcc, stack realigned in every function", 400, "gcc", ...NO_FP, "-mstackrealign"],
  ["gcc, in a thread", 100, "gcc", ...NO_FP, "-DTHREAD"],
  ["gcc, linked lazily", 1500, "gcc", ...NO_FP, "-no-pie", "-Wl,-z,lazy"],
  ["gcc, static", 100, "gcc", ...NO_FP, "-static"],
  ["gcc, static PIE", 100, "gcc", ...NO_FP, "-static-pie"],
  ["gcc, by .debug_frame", 100, "gcc", ...NO_FP, "-g1", "-fno-asynchronous-unwind-tables"],
  ["clang", 400, "clang-14", ...NO_FP],
] as const)("C: %s: handler, realigned and dynamic frames, qsort, at %d steps", ([, steps, ...command], context) => {
  const program = compile(context, "c", C, [...command]);
  const { compared, deepest, wrong } = differences(program, steps);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(steps / 2);
  expect(deepest).toBeGreaterThan(12);
});

test("C++: from a terminate handler, below the unwinder", (context) => {
  const program = compile(context, "cc", CPP, ["g++", ...NO_FP]);
  const { deepest, wrong } = differences(program, 0);
  expect(wrong).toEqual([]);
  expect(deepest).toBeGreaterThan(12);
});

test("Rust: from a panic hook", (context) => {
  const program = compile(context, "rs", RUST, ["rustc", "-O"]);
  const { deepest, wrong } = differences(program, 0);
  expect(wrong).toEqual([]);
  expect(deepest).toBeGreaterThan(12);
});

describe("where there is no rule", () => {
  const RSP_8 = packRule(KIND_RSP, RBP_SAME, 1);
  /** Code at 0x1000 with one rule and at 0x2000 with none, a call before 0x1010; a stack of words at 0x8000. */
  function walk(words: number[], rip: bigint, rbp: bigint, rule = RSP_8) {
    const table = { starts: Uint32Array.of(0, 0x1000), rules: Uint32Array.of(rule, 0), base: 0x1000, gaps: {} };
    const mappings = [{ start: 0x1000n, end: 0x3000n, bias: 0n, table }];
    const read = (address: bigint) => {
      if (address === 0x1008n) return 0xd0ffn << 48n; // ff d0: call *%rax
      const word = words[Number(address - 0x8000n) / 8];
      return word === undefined ? undefined : BigInt(word);
    };
    return walkStack(read, { rip, rsp: 0x8000n, rbp }, mappings);
  }

  test("one frame-pointer step is taken, and rules count again", () => {
    // The frame at 0x2010 has saved rbp at 0x8008; above it stands 0x1010, then 0: the outermost frame.
    expect(walk([7, 0x9999, 0x1010, 0], 0x2010n, 0x8008n)).toEqual({ frames: [0x2010n, 0x1010n], end: "outermost" });
  });

  test.each([0x5555, 0x1020])("a step that leads to 0x%x, where no call ends, is not believed", (address) => {
    expect(walk([7, 0x9999, address, 0], 0x2010n, 0x8008n)).toEqual({ frames: [0x2010n], end: "no rule" });
  });

  test("a frame pointer below the stack pointer is no frame pointer", () => {
    expect(walk([7, 8, 0x1010, 0], 0x2010n, 0x7000n)).toEqual({ frames: [0x2010n], end: "no rule" });
  });

  test("a stack that cannot be read ends the walk", () => {
    expect(walk([0x1011], 0x1010n, 0n)).toEqual({ frames: [0x1010n, 0x1011n], end: "unreadable" });
  });

  test("a CFA that does not lie above rsp ends the walk", () => {
    expect(walk([0x1011, 0x1011], 0x1010n, 0n, packRule(KIND_RSP, RBP_SAME, 0))).toEqual({
      frames: [0x1010n],
      end: "bad CFA",
    });
  });

  test("a lost rbp is not used", () => {
    const lost = packRule(KIND_RSP, RBP_LOST, 1);
    expect(walk([0x2011, 0x9999, 0x1010, 0], 0x1010n, 0x8008n, lost)).toEqual({
      frames: [0x1010n, 0x2011n],
      end: "no rule",
    });
  });

  test("an endless stack is cut", () => {
    const { frames, end } = walk(new Array(1000).fill(0x1010), 0x1010n, 0n);
    expect([frames.length, end]).toEqual([MAX_FRAMES, "too deep"]);
  });

  test("an end rule is the outermost frame", () => {
    expect(walk([0x1010], 0x1010n, 0n, packRule(KIND_END, 0, 0))).toEqual({ frames: [0x1010n], end: "outermost" });
  });
});
