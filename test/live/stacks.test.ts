/** Whole stacks through code without frame pointers. What must be there is known from the program's source. */

import { describe, expect, test } from "vitest";
import { compileProgram, type JsonReport, startTarget, traceWith } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const WITHOUT_FRAME_POINTERS = ["-g", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls"];

/** Where a thread begins in glibc: nothing calls these. */
const STARTS = ["_start", "clone3", "__clone3", "clone", "__clone"];

async function trace(name: string, flags: readonly string[]): Promise<JsonReport> {
  const target = await startTarget(compileProgram(folder, name, flags));
  const running = await traceWith(target.pid);
  target.go();
  await target.line();
  const [report] = await running.done();
  return report;
}

/** The functions of the stack that has one block of this size outstanding. */
function functionsOf(report: JsonReport, bytes: number): string[] {
  const stack = report.stacks.find((candidate) => candidate.bytes === bytes && candidate.blocks === 1);
  return stack?.frames.filter(({ inlined }) => !inlined).map(({ symbol }) => symbol ?? "?") ?? [];
}

describe("C, -O2 -fomit-frame-pointer", () => {
  test.each([
    ["gcc", WITHOUT_FRAME_POINTERS],
    ["gcc, stack realigned", [...WITHOUT_FRAME_POINTERS, "-mstackrealign"]],
    ["gcc, not position-independent", [...WITHOUT_FRAME_POINTERS, "-no-pie"]],
    ["gcc, one segment", [...WITHOUT_FRAME_POINTERS, "-Wl,-z,noseparate-code"]],
  ])("%s: every frame from the allocation to the thread's start", async (_name, flags) => {
    const report = await trace("chain", flags);
    const chain = (bytes: number): string[] => functionsOf(report, bytes);

    expect(chain(111).slice(0, 4)).toEqual(["plain3", "plain2", "plain1", "main"]);
    expect(chain(222)[0]).toBe("compare");
    expect(chain(222)).toEqual(expect.arrayContaining(["through_qsort", "main"]));
    // strdup's argument has 33 characters.
    expect(chain(34).slice(1, 3)).toEqual(["through_strdup", "main"]);
    expect(chain(444).slice(0, 2)).toEqual(["in_thread2", "in_thread1"]);
    expect(chain(555).slice(0, 2)).toEqual(["handler2", "handler"]);
    expect(chain(555)).toEqual(expect.arrayContaining(["interrupted", "main"]));
    expect(chain(666).slice(0, 3)).toEqual(["plain3", "with_array", "main"]);
    for (const bytes of [111, 222, 34, 444, 555, 666]) expect(STARTS).toContain(chain(bytes).at(-1));
  });

  test("by frame pointers the same stacks are short, and say so", async () => {
    const target = await startTarget(compileProgram(folder, "chain", WITHOUT_FRAME_POINTERS));
    const running = await traceWith(target.pid, ["--frame-pointers"]);
    target.go();
    await target.line();
    const [report] = await running.done();
    const stack = report.stacks.find(({ bytes }) => bytes === 111);
    expect(stack?.frames.map(({ symbol }) => symbol)).not.toContain("plain1");
  });
});

test("C++, -O2 -fomit-frame-pointer: templates, virtual calls, handlers of exceptions", async () => {
  const report = await trace("templates", WITHOUT_FRAME_POINTERS);
  // The first is operator new, which called malloc.
  const names = (bytes: number): string[] => functionsOf(report, bytes).slice(1);
  for (const bytes of [111, 222, 333]) expect(functionsOf(report, bytes)[0]).toMatch(/^operator new/);
  expect(names(111).slice(0, 7)).toEqual([
    "void descend<0>(int)",
    "void descend<1>(int)",
    "void descend<2>(int)",
    "void descend<3>(int)",
    "void descend<4>(int)",
    "void descend<5>(int)",
    "main",
  ]);
  expect(names(222).slice(0, 2)).toEqual(["Derived::allocate(int)", "main"]);
  expect(names(333).slice(0, 2)).toEqual(["catcher()", "main"]);
  for (const bytes of [111, 222, 333]) expect(STARTS).toContain(names(bytes).at(-1));
});
