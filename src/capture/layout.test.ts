/** Our numbers against what a C compiler makes of bpf/memleak.h. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { hasTool, temporaryDirectory } from "../../test/support/programs.ts";
import { CALL, COUNTERS, readCounter, STACK, STACK_CLASSES, STACK_ENDS, STACK_TOTALS } from "./layout.ts";

const HEADER = fileURLToPath(new URL("../../bpf/memleak.h", import.meta.url));
const FIELDS = [
  ...["depth", "end", "class", "addresses"].map((field) => `stack.${field}`),
  ...["bytes", "blocks", "allocated_bytes", "allocated_blocks"].map((field) => `stack_totals.${field}`),
];

describe.skipIf(!hasTool("cc"))("bpf/memleak.h", () => {
  const folder = temporaryDirectory();
  const values = new Map<string, number>();

  beforeAll(() => {
    const enumerators = readFileSync(HEADER, "utf8").match(/^\t[A-Z_]+(?= = \d)/gm) ?? [];
    const expressions = [
      ...enumerators.map((name) => [name.trim(), name.trim()]),
      ...FIELDS.map((field) => [field, `offsetof(struct ${field.replace(".", ", ")})`]),
      ["sizeof stack", "sizeof(struct stack)"],
      ["sizeof stack_totals", "sizeof(struct stack_totals)"],
    ];
    const prints = expressions.map(([name, value]) => `printf("${name}=%zu\\n", (size_t)(${value}));`);
    const source = `#include <stdio.h>
#include <stddef.h>
#include <linux/types.h>
#include "${HEADER}"
int main(void) { ${prints.join("\n")} }
`;
    const program = join(folder, "layout");
    execFileSync("cc", ["-x", "c", "-", "-o", program], { input: source });
    for (const line of execFileSync(program, { encoding: "utf8" }).trimEnd().split("\n")) {
      const [name, value] = line.split("=");
      values.set(name, Number(value));
    }
  });

  /** Names and values of the enumerators that begin so, in their order. */
  function enumerators(prefix: string): [string, number][] {
    return [...values].filter(([name]) => name.startsWith(prefix)).map(([name, n]) => [name.slice(prefix.length), n]);
  }

  test("structures", () => {
    const of = (name: string): number | undefined => values.get(name);
    expect(STACK).toEqual({
      depth: of("stack.depth"),
      end: of("stack.end"),
      class: of("stack.class"),
      addresses: of("stack.addresses"),
      size: of("sizeof stack"),
    });
    expect(STACK_TOTALS).toEqual({
      bytes: of("stack_totals.bytes"),
      blocks: of("stack_totals.blocks"),
      allocatedBytes: of("stack_totals.allocated_bytes"),
      allocatedBlocks: of("stack_totals.allocated_blocks"),
      size: of("sizeof stack_totals"),
    });
  });

  test("calls", () => {
    const ours = Object.entries(CALL).map(([name, value]) => [name.replace(/[A-Z]/g, "_$&").toUpperCase(), value]);
    expect(ours.sort()).toEqual(enumerators("CALL_").sort());
  });

  test("why a stack ends, and what it allocates", () => {
    const inWords = (name: string): string =>
      name
        .toLowerCase()
        .replaceAll("_", "-")
        .replace(/^ended$/, "end");
    expect(STACK_ENDS.map((name, value) => [name, value])).toEqual(
      enumerators("STACK_").map(([name, value]) => [inWords(name), value]),
    );
    expect(STACK_CLASSES.map((name, value) => [name, value])).toEqual(
      enumerators("CLASS_").map(([name, value]) => [inWords(name), value]),
    );
  });

  test("counters", () => {
    expect(COUNTERS).toEqual({
      droppedBlocks: values.get("DROPPED_BLOCK"),
      droppedStacks: values.get("DROPPED_STACK"),
      droppedThreads: values.get("DROPPED_THREAD"),
      missedFrees: values.get("MISSED_FREE"),
      unmatchedFrees: values.get("UNMATCHED_FREE"),
      abandonedCalls: values.get("ABANDONED_CALL"),
    });
    expect(Object.keys(COUNTERS)).toHaveLength(values.get("COUNTERS") ?? 0);
  });
});

test("a counter is 64 bits, little-endian", () => {
  const view = new DataView(Uint8Array.of(0, 0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0, 0).buffer);
  expect(readCounter(view, 1)).toBe(0x123456789a);
});
