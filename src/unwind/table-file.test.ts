import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openPath } from "../../test/support/elf-files.ts";
import { readelfRows } from "../../test/support/frame-rows.ts";
import { needTools } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { xxh64Low } from "../compress/xxh64.ts";
import {
  compileUnwindTable,
  decodeTable,
  encodeTable,
  KIND_RBP,
  KIND_RSP,
  lookupRule,
  NO_RULE,
  packRule,
  RBP_SAME,
  ruleText,
} from "./index.ts";

const ID = "0123456789abcdef";

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** A file by its description, with the right checksum. What is not given is as in TINY. */
function fileOf(parts: {
  magic?: string;
  version?: number;
  machine?: number;
  base?: number[];
  rowCount?: number;
  ruleCount?: number;
  idLength?: number;
  id?: number[];
  rules?: number[];
  rows?: number[];
}): Uint8Array {
  const rules = parts.rules ?? [RSP_8, NO_RULE, RBP_16];
  const rows = parts.rows ?? [0x10, 0, 0x80, 0x02, 1, 5, 2];
  const id = parts.id ?? [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
  const content = Uint8Array.from([
    ...Buffer.from(parts.magic ?? "LLUNWIND"),
    ...word(parts.version ?? 1),
    ...word(parts.machine ?? 62),
    ...(parts.base ?? [0, 0x10, 0, 0, 0, 0, 0, 0]),
    ...word(parts.rowCount ?? 3),
    ...word(parts.ruleCount ?? rules.length),
    ...word(parts.idLength ?? id.length),
    ...id,
    ...rules.flatMap(word),
    ...rows,
  ]);
  return Uint8Array.from([...content, ...word(xxh64Low(content))]);
}

// rule.ts: kind in the low byte, then where rbp is, then the offset in words.
const RSP_8 = 0x0001_00_02;
const RBP_16 = 0x0002_fe_03;

/** Rows at 0x10, at 0x10 + 0x100 (a LEB128 of two bytes) and five further; base 0x1000. */
const TINY = fileOf({});

test("a file is what its description says", () => {
  const table = decodeTable(TINY, "tiny", ID);
  expect(table.base).toBe(0x1000);
  expect([...table.starts]).toEqual([0x10, 0x110, 0x115]);
  expect([...table.rules]).toEqual([packRule(KIND_RSP, RBP_SAME, 1), NO_RULE, packRule(KIND_RBP, -2, 2)]);
  expect([...encodeTable(table, ID)]).toEqual([...TINY]);
});

test.for(["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", process.execPath])(
  "%s: after writing and reading the rules are readelf's",
  (path, context) => {
    needTools(context, "readelf", path);
    const elf = openPath(path);
    const id = elf.buildId ?? "";
    const bytes = encodeTable(compileUnwindTable(elf), id);
    const table = decodeTable(bytes, path, id);
    const wrong: string[] = [];
    const rows = readelfRows(path);
    for (const { start, end, rule } of rows) {
      for (const address of [start, end - 1]) {
        const found = ruleText(lookupRule(table, address));
        if (found !== rule) wrong.push(`${address.toString(16)}: ${found} instead of ${rule}`);
      }
    }
    expect(rows.length).toBeGreaterThan(10_000);
    expect(wrong.slice(0, 10)).toEqual([]);
  },
);

test("an empty table, and one without base, can be written and read", () => {
  const nothing = { starts: new Uint32Array(), rules: new Uint32Array(), base: 0, gaps: {} };
  expect(decodeTable(encodeTable(nothing, ""), "empty", "")).toEqual(nothing);
});

describe("damage", () => {
  test("any changed byte is noticed", () => {
    for (let at = 0; at < TINY.length; at++) {
      const bytes = Uint8Array.from(TINY);
      bytes[at] ^= 0x21;
      expect(() => decodeTable(bytes, "tiny", ID), `byte ${at}`).toThrow(LeaklineError);
    }
  });

  test("so is any missing end", () => {
    for (let length = 0; length < TINY.length; length++)
      expect(() => decodeTable(TINY.subarray(0, length), "tiny", ID), `${length} bytes`).toThrow(LeaklineError);
  });

  test.for<[string, Parameters<typeof fileOf>[0], RegExp]>([
    ["another kind of file", { magic: "LEAKLINE" }, /not an unwind table/],
    ["a version from the future", { version: 2 }, /version 2/],
    ["another machine", { machine: 183 }, /machine 183/],
    ["another file's build ID", { id: [0xff, 0, 0, 0, 0, 0, 0, 0xff] }, /ff000000000000ff, not 0123456789abcdef/],
    ["a build ID longer than the file", { idLength: 0xffffffff }, /4294967295 bytes wanted/],
    ["a base that no address can have", { base: [0, 0, 0, 0, 0, 0, 0x20, 0] }, /base beyond 2\^53/],
    ["more rules than there are bytes", { ruleCount: 0xffffffff }, /4294967295 rules wanted/],
    ["more rows than there are bytes", { rowCount: 1 << 20 }, /1048576 rows wanted/],
    ["more rows than any table has", { rowCount: 0xffffffff }, /of 16777216 at most/],
    ["fewer rows than are stated", { rowCount: 4, rows: [1, 0, 0x80, 0x01, 0, 1, 0, 1] }, /LEB128 runs off the end/],
    ["more rows than are stated", { rowCount: 2 }, /bytes behind the last row/],
    ["two rows of one address", { rows: [1, 0, 0, 1, 1, 2] }, /do not ascend/],
    ["a row beyond 2^32", { rows: [1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 1, 2] }, /do not ascend/],
    ["a rule number beyond the rules", { rows: [1, 0, 1, 3, 1, 2] }, /rule 3, of 3/],
    ["a rule of an unknown kind", { rules: [RSP_8, 0x0001_00_7f, RBP_16] }, /0x1007f is not a rule/],
    ["a rule with rbp nowhere known", { rules: [RSP_8, 0x0001_03_02, RBP_16] }, /0x10302 is not a rule/],
  ])("%s is refused, though the checksum is right", ([, parts, reason]) => {
    expect(() => decodeTable(fileOf(parts), "tiny", ID)).toThrow(reason);
    expect(() => decodeTable(fileOf(parts), "tiny", ID)).toThrow(LeaklineError);
  });

  test("random bytes behind a right header give an error or an ascending table", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(255), { maxLength: 40 }), fc.nat(12), (rows, rowCount) => {
        try {
          const { starts, rules } = decodeTable(fileOf({ rows, rowCount }), "random", ID);
          expect(starts.length).toBe(rules.length);
          for (let i = 1; i < starts.length; i++) expect(starts[i]).toBeGreaterThan(starts[i - 1]);
        } catch (error) {
          if (!(error instanceof LeaklineError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
