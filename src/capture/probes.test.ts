/** Which function gets which probe. */

import { expect, test } from "vitest";
import { fileOffset } from "../base/address.ts";
import { ALLOCATOR_SIGNATURES } from "../process/allocator-names.ts";
import type { AllocatorFunction } from "../process/allocators.ts";
import type { StackClass } from "../recording/events.ts";
import { CALL } from "./layout.ts";
import { planProbes } from "./probes.ts";

const BOTH: ReadonlySet<StackClass> = new Set<StackClass>(["heap", "mapping"]);
const HEAP: ReadonlySet<StackClass> = new Set<StackClass>(["heap"]);

const atEntry = (): number => 0;

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

test("frees are attached before allocations, and only allocations have a return probe", () => {
  const { entries, returns } = planProbes(
    functions("malloc", "free", "posix_memalign", "munmap", "mmap"),
    BOTH,
    atEntry,
  );
  expect(entries).toEqual([
    { offset: 2, cookie: CALL.free },
    { offset: 4, cookie: CALL.munmap },
    { offset: 1, cookie: CALL.malloc },
    { offset: 3, cookie: CALL.posixMemalign },
    { offset: 5, cookie: CALL.mmap },
  ]);
  expect(returns.map(({ offset }) => offset)).toEqual([1, 3, 5]);
});

test("what is not accounted, and what is not known, gets no probe", () => {
  const { entries } = planProbes(functions("mmap", "mremap", "munmap", "calloc"), HEAP, atEntry);
  expect(entries).toEqual([{ offset: 4, cookie: CALL.calloc }]);
});

test("a function that only jumps on to another gets no probe", () => {
  const [malloc, free] = functions("malloc", "free");
  const { entries } = planProbes([malloc, { ...free, probes: "none" }], HEAP, atEntry);
  expect(entries).toEqual([{ offset: 1, cookie: CALL.malloc }]);
});

test("a probe stands as far behind the function's entry as it is told to", () => {
  const plan = planProbes(functions("free", "malloc"), HEAP, ({ name }) => (name === "free" ? 10 : 20));
  expect(plan.entries.map(({ offset }) => offset)).toEqual([1 + 10, 2 + 20]);
});
