/** Which function gets which probe. */

import { expect, test } from "vitest";
import { fileOffset } from "../base/address.ts";
import { ALLOCATOR_SIGNATURES } from "../process/allocator-names.ts";
import type { AllocatorFunction } from "../process/allocators.ts";
import type { StackClass } from "../recording/events.ts";
import { encodeCookie, type ProbePosition, planProbes } from "./probes.ts";

const BOTH: ReadonlySet<StackClass> = new Set<StackClass>(["heap", "mapping"]);
const HEAP: ReadonlySet<StackClass> = new Set<StackClass>(["heap"]);

const atEntry = (): ProbePosition => ({ distance: 0, framed: 0 });

/** Functions at offsets 1, 2, 3, … */
function functions(...names: string[]): AllocatorFunction[] {
  return names.map((name, i) => ({
    name,
    symbols: [name],
    signature: ALLOCATOR_SIGNATURES.get(name)!,
    probes: "entry and return",
    fileOffset: fileOffset(i + 1),
    size: 1,
  }));
}

test("frees have a probe at their entry, allocations one that sees their return too", () => {
  const [malloc, free, mmap] = functions("malloc", "free", "mmap");
  const plan = planProbes([malloc, { ...free, probes: "entry" }, mmap], 3, BOTH, atEntry);
  expect(plan.releases.map(({ offset }) => offset)).toEqual([2]);
  expect(plan.calls.map(({ offset }) => offset)).toEqual([1, 3]);
});

test("what is not accounted gets no probe", () => {
  const { calls, releases } = planProbes(functions("mmap", "mremap", "munmap", "calloc"), 0, HEAP, atEntry);
  expect(calls.map(({ offset }) => offset)).toEqual([4]);
  expect(releases).toEqual([]);
});

test("a function that only calls on to another gets no probe", () => {
  const [malloc, free] = functions("malloc", "free");
  const { calls, releases } = planProbes([malloc, { ...free, probes: "none" }], 0, HEAP, atEntry);
  expect([...calls, ...releases].map(({ offset }) => offset)).toEqual([1]);
});

test("a probe stands as far behind the function's entry as it is told to", () => {
  const plan = planProbes(functions("free", "malloc"), 0, HEAP, ({ name }) => ({
    distance: name === "free" ? 10 : 20,
    framed: 0,
  }));
  expect(plan.calls.map(({ offset }) => offset)).toEqual([1 + 10, 2 + 20]);
});

test("a cookie says what the function does, by memleak.h: operation, arguments, slot, fixed size", () => {
  // operation 1, size 2 << 4, count 1 << 8, old 0, out 3 << 16, slot 5 << 20, bytes 48 << 36
  const signature = { operation: "allocate", size: 2, count: 1, old: 0, out: 3, bytes: 48 } as const;
  expect(encodeCookie(signature, 5)).toBe(0x300_0053_0121n);
  const free = { operation: "free", size: 0, count: 0, old: 1, out: 0, bytes: 0 } as const;
  expect(encodeCookie(free, 0xffff)).toBe(0xf_fff0_1002n);
});

test("a function that keeps its frame has an operation of its own, with the length of its code", () => {
  const malloc = ALLOCATOR_SIGNATURES.get("malloc")!;
  // operation 6, size 1 << 4, slot 5 << 20, code 0x317 << 36
  expect(encodeCookie(malloc, 5, 0x317)).toBe(0x3170_0050_0016n);
  // What else a call does is of interest even when its block is no sample.
  for (const name of ["realloc", "posix_memalign", "mmap"]) {
    const signature = ALLOCATOR_SIGNATURES.get(name)!;
    expect(encodeCookie(signature, 5, 0x317)).toBe(encodeCookie(signature, 5));
  }
  const pool = { ...malloc, size: 0, bytes: 48 };
  expect(encodeCookie(pool, 5, 0x317)).toBe(encodeCookie(pool, 5));
});
