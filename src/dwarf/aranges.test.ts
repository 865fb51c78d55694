/** .debug_aranges beside the ranges that it was written from: of any length and place, in either layout and byte order. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memorySource } from "../base/bytes.ts";
import { readAranges } from "./aranges.ts";
import { DebugFile } from "./debug-file.ts";

type Range = { begin: bigint; size: bigint };
type Layout = {
  littleEndian: boolean;
  addressSize: 4 | 8 /** Zero bytes before the section in memory. */;
  shift: number;
};

/** One set a unit (DWARF 5 §6.1.2); units are 0x100 apart. */
function section(sets: Range[][], { littleEndian, addressSize, shift }: Layout): Uint8Array {
  const bytes: number[] = new Array(shift).fill(0);
  const put = (value: bigint, size: number): void => {
    for (let i = 0; i < size; i++) bytes.push(Number((value >> BigInt(8 * (littleEndian ? i : size - 1 - i))) & 0xffn));
  };
  for (const [unit, ranges] of sets.entries()) {
    put(BigInt(12 + (ranges.length + 1) * 2 * addressSize), 4);
    put(2n, 2);
    put(BigInt(unit * 0x100), 4);
    put(BigInt(addressSize), 1);
    // The size of segment selectors, and up to a multiple of 16, and so of 8.
    put(0n, 1 + 4);
    for (const { begin, size } of [...ranges, { begin: 0n, size: 0n }]) {
      put(begin, addressSize);
      put(size, addressSize);
    }
  }
  return Uint8Array.from(bytes).subarray(shift);
}

function read(sets: Range[][], layout: Layout, wanted: bigint[] | undefined) {
  const source = memorySource(".debug_aranges", section(sets, layout));
  const input = {
    name: "test",
    littleEndian: layout.littleEndian,
    section: (name: string) => (name === ".debug_aranges" ? source : undefined),
    lowestCode: undefined,
  };
  return readAranges(new DebugFile(input), wanted && Float64Array.from(wanted, Number).sort());
}

/** Around what the reader may treat on its own: pages of 64 KiB, and the bounds of 31 and 32 bits. */
const PLACES = [0x2n, 0xffffn, 0x10000n, 0x12345n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_0000n];
const HIGH = [0n, 0x7fn << 32n, -1n << 32n];
const SIZES = [0n, 1n, 0x10n, 0xffffn, 0x10000n, 0x10001n, 0x7fff_ffffn];

describe("the ranges of units", () => {
  const range = fc.record({
    begin: fc
      .tuple(fc.constantFrom(...PLACES), fc.constantFrom(...HIGH), fc.bigInt(0n, 3n))
      .map(([a, b, c]) => a + b + c),
    size: fc.constantFrom(...SIZES, 1n << 33n),
  });
  const sets = fc.array(fc.array(range, { maxLength: 6 }), { maxLength: 5 });

  test("are found at their first and last address, and not beside them", () => {
    const layout = fc.record({
      littleEndian: fc.boolean(),
      addressSize: fc.constant(8 as const),
      shift: fc.constantFrom(0, 1, 4),
    });
    fc.assert(
      fc.property(sets, layout, (units, how) => {
        const all = units.flat();
        const wanted = [
          ...new Set(all.flatMap(({ begin, size }) => [begin - 1n, begin, begin + size - 1n, begin + size])),
        ];
        const together = read(units, how, undefined);
        for (const address of wanted) {
          const isThere = all.some(({ begin, size }) => begin <= address && address < begin + size);
          // Asked for alone, and among all of them.
          for (const { table } of [read(units, how, [address]), together])
            expect(table.find(Number(address)) >= 0).toBe(isThere);
        }
        expect([...together.units()]).toEqual(units.map((_, i) => i * 0x100));
        expect(together.complete.size).toBe(units.length);
      }),
    );
  });

  test("are found on a machine of 32 bits", () => {
    const units = [[{ begin: 0x8000_0000n, size: 0x20n }], [{ begin: 0x1fff0n, size: 0x20n }]];
    for (const littleEndian of [true, false]) {
      const { table } = read(units, { littleEndian, addressSize: 4, shift: 0 }, [0x2000fn, 0x20010n, 0x8000_0000n]);
      expect([0x2000f, 0x20010, 0x8000_0000].map((address) => table.find(address) >= 0)).toEqual([true, false, true]);
    }
  });

  test("are found behind a set that is larger than what is read at once", () => {
    const large = Array.from({ length: 70_000 }, (_, i) => ({ begin: BigInt(0x100000 + 16 * i), size: 8n }));
    const units = [large, [{ begin: 0x100008n, size: 8n }], large.slice(0, 5000), [{ begin: 0x900000n, size: 1n }]];
    const how = { littleEndian: true, addressSize: 8 as const, shift: 0 };
    const { table, complete } = read(units, how, [0x100008n, 0x100000n + 16n * 69_999n, 0x900000n]);
    const unitAt = (address: number): number => table.payloadAt(table.find(address));
    expect([0x100008, 0x100000 + 16 * 69_999, 0x900000].map(unitAt)).toEqual([0x100, 0, 0x300]);
    expect([...complete]).toEqual([0, 0x100, 0x200, 0x300]);
  });
});
