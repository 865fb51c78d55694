/** Our numbers against what a C compiler makes of bpf/memleak.h. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { hasTool, temporaryDirectory } from "../../test/support/programs.ts";
import {
  BLOCK_KEY,
  COOKIE_SHIFT,
  COUNTERS,
  DECAY_STEPS,
  FILE_KEY,
  MAX_MAPPINGS,
  OPERATION,
  PROCESS,
  readSigned,
  SEEN_KEY,
  SEEN_MAPPING,
  SETTINGS,
  STACK,
  STACK_CLASSES,
  STACK_ENDS,
  STACK_TOTALS,
  UNWIND_FILE,
  UNWIND_MAPPING,
  UNWIND_STATE,
} from "./layout.ts";

const HEADER = fileURLToPath(new URL("../../bpf/memleak.h", import.meta.url));
/** Each structure of the header, and what we say of it: fields that we name are its own, by their offsets. */
const STRUCTURES: { readonly [name: string]: { readonly [field: string]: number } } = {
  stack: STACK,
  stack_totals: STACK_TOTALS,
  settings: SETTINGS,
  process: PROCESS,
  block_key: BLOCK_KEY,
  unwind_mapping: UNWIND_MAPPING,
  unwind_state: UNWIND_STATE,
  unwind_file: UNWIND_FILE,
  file_key: FILE_KEY,
  seen_key: SEEN_KEY,
  seen_mapping: SEEN_MAPPING,
};

const inC = (name: string): string => name.replace(/[A-Z]/g, "_$&").toLowerCase();
const CONSTANTS = ["MAX_MAPPINGS", "DECAY_STEPS", ...Object.keys(COOKIE_SHIFT).map((name) => shiftName(name))];

function shiftName(field: string): string {
  return `COOKIE_${inC(field).toUpperCase()}_SHIFT`;
}

describe.skipIf(!hasTool("cc"))("bpf/memleak.h", () => {
  const folder = temporaryDirectory();
  const values = new Map<string, number>();

  beforeAll(() => {
    const enumerators = readFileSync(HEADER, "utf8").match(/^\t[A-Z_]+(?= = \d)/gm) ?? [];
    const expressions = [
      ...enumerators.map((name) => [name.trim(), name.trim()]),
      ...Object.entries(STRUCTURES).flatMap(([name, fields]) =>
        Object.keys(fields).map((field) => [
          `${name}.${field}`,
          field === "size" ? `sizeof(struct ${name})` : `offsetof(struct ${name}, ${inC(field)})`,
        ]),
      ),
      ...CONSTANTS.map((name) => [name, name]),
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

  test.each(Object.entries(STRUCTURES))("struct %s", (name, fields) => {
    const actual = Object.keys(fields).map((field) => [field, values.get(`${name}.${field}`)]);
    expect(Object.fromEntries(actual)).toEqual(fields);
  });

  test("operations, and the parts of a cookie", () => {
    const ours = Object.entries(OPERATION).map(([name, value]) => [inC(name).toUpperCase(), value]);
    expect(ours.sort()).toEqual(enumerators("OPERATION_").sort());
    const shifts = Object.keys(COOKIE_SHIFT).map((field) => [field, values.get(shiftName(field))]);
    expect(Object.fromEntries(shifts)).toEqual(COOKIE_SHIFT);
  });

  test("sizes", () => {
    expect(MAX_MAPPINGS).toBe(values.get("MAX_MAPPINGS"));
    expect(DECAY_STEPS).toBe(values.get("DECAY_STEPS"));
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

test("a number is 64 bits, signed, little-endian", () => {
  const view = new DataView(Uint8Array.of(0, 0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0, 0).buffer);
  expect(readSigned(view, 1)).toBe(0x123456789a);
  expect(readSigned(new DataView(new Uint8Array(8).fill(0xff).buffer), 0)).toBe(-1);
});
