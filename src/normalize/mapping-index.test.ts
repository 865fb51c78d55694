import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type MappedRange, MappingIndex } from "./mapping-index.ts";

type Named = MappedRange & { readonly name: string };

function range(name: string, start: number, end: number, offset = 0): Named {
  return { name, start: BigInt(start), end: BigInt(end), offset };
}

describe("MappingIndex", () => {
  test("a library unloaded and another loaded at its address are told apart by time", () => {
    const index = new MappingIndex<Named>();
    index.add(10, range("first", 100, 200));
    index.remove(20, 100n, 200n);
    index.add(30, range("second", 100, 200));
    const names = [9, 10, 19, 20, 29, 30, 99].map((time) => index.lookup(time, 150n)?.name);
    expect(names).toEqual([undefined, "first", "first", undefined, undefined, "second", "second"]);
  });

  test("its ends are as in maps: the first address belongs to it, the last does not", () => {
    const index = new MappingIndex<Named>();
    index.add(0, range("it", 100, 200));
    expect([99n, 100n, 199n, 200n].map((at) => index.lookup(0, at)?.name)).toEqual([undefined, "it", "it", undefined]);
  });

  test("of a mapping unmapped in its middle both ends remain, with their file offsets", () => {
    const index = new MappingIndex<Named>();
    index.add(1, range("it", 100, 200, 5000));
    index.remove(2, 140n, 160n);
    expect(index.current()).toEqual([range("it", 100, 140, 5000), range("it", 160, 200, 5060)]);
    expect(index.lookup(1, 150n)).toMatchObject({ name: "it", start: 140n, offset: 5040 });
    expect(index.lookup(2, 150n)).toBeUndefined();
    expect(index.lookup(1, 170n)?.name).toBe("it");
  });

  test("a new mapping replaces what lies in its range", () => {
    const index = new MappingIndex<Named>();
    index.add(1, range("a", 100, 200));
    index.add(1, range("b", 200, 300));
    index.add(5, range("c", 150, 250));
    expect(index.current().map(({ name, start, end }) => [name, start, end])).toEqual([
      ["a", 100n, 150n],
      ["c", 150n, 250n],
      ["b", 250n, 300n],
    ]);
    expect([1, 5].map((time) => index.lookup(time, 199n)?.name)).toEqual(["a", "c"]);
  });

  test("agrees with a table of every address at every time", () => {
    const action = fc.record({
      step: fc.nat(2),
      add: fc.boolean(),
      start: fc.nat(15),
      size: fc.integer({ min: 1, max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const index = new MappingIndex<Named>();
        // table[time][address]: the name and the file offset of that very address.
        const table: (string | undefined)[][] = [];
        let now: (string | undefined)[] = new Array(32).fill(undefined);
        let time = 0;
        actions.forEach(({ step, add, start, size }, number) => {
          for (let passed = 0; passed < step; passed++) table[time++] = [...now];
          now = [...now];
          for (let at = start; at < start + size; at++) now[at] = add ? `${number}+${at - start}` : undefined;
          if (add) index.add(time, range(String(number), start, start + size));
          else index.remove(time, BigInt(start), BigInt(start + size));
        });
        table[time] = now;
        table.forEach((row, at) => {
          row.forEach((expected, address) => {
            const found = index.lookup(at, BigInt(address));
            const answer = found && `${found.name}+${found.offset + address - Number(found.start)}`;
            expect([at, address, answer]).toEqual([at, address, expected]);
          });
        });
      }),
    );
  });

  test("a plug-in loaded and unloaded many times is found without looking at every time", () => {
    const index = new MappingIndex<Named>();
    for (let time = 0; time < 20_000; time++) {
      index.add(2 * time, range(String(time), 100, 200));
      index.remove(2 * time + 1, 100n, 200n);
    }
    for (let time = 0; time < 20_000; time++) expect(index.lookup(2 * time, 150n)?.name).toBe(String(time));
    expect(index.lookup(3, 150n)).toBeUndefined();
  });
});
