import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { inputOf } from "../../test/support/dwarf-builder.ts";
import { compileSections } from "../../test/support/dwarf-files.ts";
import { needTools } from "../../test/support/oracle.ts";
import { virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { brief, openDwarf } from "./index.ts";

type Sections = Record<string, Uint8Array>;

/** Asks everything of damaged sections: nothing but LeaklineErrors may come out, and nothing but answers of `find`. */
function askEverything(sections: Sections, addresses: readonly number[]): void {
  const dwarf = openDwarf(inputOf(sections));
  for (const address of addresses) {
    const { frames, reason } = dwarf.find(virtualAddress(address));
    if (frames.length === 0) expect(reason).toBeTypeOf("string");
    dwarf.functionAt(virtualAddress(address));
    tolerate(() => dwarf.rowsAround(virtualAddress(address), 3));
  }
  // In a batch, each address has the answer that it has alone.
  const sorted = Float64Array.from(addresses).sort();
  const answers = openDwarf(inputOf(sections)).answerAll(sorted);
  for (const [i, address] of sorted.entries())
    expect(answers.at(i)).toEqual(brief(openDwarf(inputOf(sections)).find(virtualAddress(address))));
  tolerate(() => {
    for (const _ of dwarf.units());
  });
  tolerate(() => {
    for (const _ of dwarf.functions());
  });
  tolerate(() => {
    for (const program of dwarf.lines())
      if ("rows" in program) for (const row of program.rows()) program.path(row.file);
  });
}

function tolerate(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
  }
}

const VARIANTS: [compiler: string, options: string][] = [
  ["gcc", "-gdwarf-2 -O2"],
  ["gcc", "-gdwarf-4 -O2"],
  ["gcc", "-gdwarf-5 -O2"],
  ["clang-14", "-gdwarf-5 -O2"],
];

describe("damaged debug information", () => {
  test.for(VARIANTS)("cut short anywhere, of %s %s", ([compiler, options], context) => {
    needTools(context, compiler, "nm");
    const { sections, addresses } = compileSections(compiler, options);
    for (const [name, bytes] of Object.entries(sections)) {
      // Each cut costs a few milliseconds: of the long sections, every third or so.
      const step = Math.ceil(bytes.length / 400);
      for (let length = 0; length < bytes.length; length += step)
        askEverything({ ...sections, [name]: bytes.slice(0, length) }, addresses);
    }
  });

  test.for(VARIANTS)("changed anywhere, of %s %s", ([compiler, options], context) => {
    needTools(context, compiler, "nm");
    const { sections, addresses } = compileSections(compiler, options);
    const names = Object.keys(sections);
    const change = fc.record({
      section: fc.constantFrom(...names),
      // Evenly spread: fc.double prefers numbers near 0, which all mean the first byte.
      place: fc.noBias(fc.nat(0xffffff)).map((number) => number / 0x1000000),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
      count: fc.constantFrom(1, 1, 2, 4, 8),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const damaged: Sections = {};
        for (const name of names) damaged[name] = sections[name].slice();
        for (const { section, place, value, count } of changes) {
          const at = Math.floor(place * damaged[section].length);
          damaged[section].fill(value, at, at + count);
        }
        askEverything(damaged, addresses);
      }),
      { numRuns: 500 },
    );
  });

  test("that is any bytes at all", () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const sections = fc.record({
      ".debug_info": bytes,
      ".debug_abbrev": bytes,
      ".debug_line": bytes,
      ".debug_aranges": bytes,
      ".debug_rnglists": bytes,
    });
    fc.assert(
      fc.property(sections, (any) => askEverything(any, [0x1000])),
      { numRuns: 2000 },
    );
  });
});
