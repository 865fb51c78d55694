import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FIXTURES, fixture, openBytes, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { virtualAddress } from "../base/address.ts";
import { memorySource } from "../base/bytes.ts";
import { SHF_EXECINSTR, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "./constants.ts";
import { type ElfFile, symbolIndex } from "./index.ts";
import { rowsAround } from "./symbol-search.ts";

/** What an index answers when it is told what it will be asked, and when it is not, which symbol-index.test.ts judges. */
function both(elf: ElfFile, addresses: readonly number[]): [told: unknown[], untold: unknown[]] {
  const [told, untold] = [symbolIndex(elf), symbolIndex(elf)];
  told.expect(Float64Array.from(addresses).sort());
  const answer = (index: typeof told): unknown[] =>
    addresses.map((address) => index.findSymbol(virtualAddress(address)) ?? "none");
  return [answer(told), answer(untold)];
}

test.for([...REAL_FILES, ...FIXTURES])("a few addresses of %s have the answers that all have", (path) => {
  const elf = openPath(path);
  const code = elf.sections.filter(({ flags, size }) => flags & SHF_EXECINSTR && size > 0);
  const address = fc
    .constantFrom(...code)
    .chain((section) => fc.integer({ min: -9, max: section.size + 9 }).map((at) => section.address + at));
  let answered = 0;
  const stack = fc.noBias(fc.array(address, { minLength: 1, maxLength: 12 }));
  for (const addresses of fc.sample(stack, { numRuns: 20, seed: 3 })) {
    const [told, untold] = both(elf, addresses);
    expect(told).toEqual(untold);
    answered += untold.filter((answer) => answer !== "none").length;
  }
  if (REAL_FILES.includes(path)) expect(answered).toBeGreaterThan(5);
});

test.for(["aarch64", "i686", "riscv64"])("so have they in tables that no compiler would write, for %s", (machine) => {
  const bytes = readFileSync(fixture(`shapes-${machine}`));
  const elf = openBytes("shapes", bytes);
  const { offset, size } = elf.sections.find(({ type }) => type === SHT_SYMTAB)!;
  const [code, data] = [".text", ".data"].map((name) => elf.section(name)!.index);
  const base = elf.section(".text")!.address;
  const { is64, littleEndian } = elf;
  const rowSize = is64 ? 24 : 16;
  const few = (limit: number) => fc.nat(limit - 1);
  const row = fc.record({
    start: few(40),
    size: fc.oneof(fc.constant(0), few(24)),
    type: fc.constantFrom(STT_FUNC, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, STT_NOTYPE, 1),
    bind: few(3),
    section: fc.constantFrom(code, code, code, data, 0, 0xfff1, 0xfff2, 500),
    // Some of the fixture's names are mapping symbols and labels that are never shown.
    name: few(200),
  });
  const rows = fc.array(row, { minLength: 1, maxLength: 24 });
  const addresses = fc.array(few(66), { minLength: 1, maxLength: 6 });
  let answered = 0;
  fc.assert(
    fc.property(rows, addresses, (symbols, asked) => {
      const changed = Buffer.from(bytes);
      changed.fill(0, offset, offset + size);
      const view = new DataView(changed.buffer, changed.byteOffset + offset, size);
      for (const [i, symbol] of symbols.entries()) {
        const at = (i + 1) * rowSize;
        const word = (where: number, value: number): void =>
          is64
            ? view.setBigUint64(at + where, BigInt(value), littleEndian)
            : view.setUint32(at + where, value, littleEndian);
        view.setUint32(at, symbol.name, littleEndian);
        view.setUint8(at + (is64 ? 4 : 12), (symbol.bind << 4) | symbol.type);
        view.setUint16(at + (is64 ? 6 : 14), symbol.section, littleEndian);
        word(is64 ? 8 : 4, base + symbol.start);
        word(is64 ? 16 : 8, symbol.size);
      }
      const [told, untold] = both(
        openBytes("changed", changed),
        asked.map((offset) => base + offset),
      );
      expect(told).toEqual(untold);
      answered += untold.filter((answer) => answer !== "none").length;
    }),
    { numRuns: 1000 },
  );
  expect(answered).toBeGreaterThan(500);
});

/** Rows of functions, behind the empty one. */
function functionRows(starts: readonly number[], section: number, sizeOf: (row: number) => number): Uint8Array {
  const rows = Buffer.alloc(24 * (starts.length + 1));
  for (const [i, start] of starts.entries()) {
    const at = 24 * (i + 1);
    rows.writeUInt8(STT_FUNC, at + 4);
    rows.writeUInt16LE(section, at + 6);
    rows.writeBigUInt64LE(BigInt(start), at + 8);
    rows.writeBigUInt64LE(BigInt(sizeOf(i)), at + 16);
  }
  return rows;
}

describe("a search of rows", () => {
  const elf = openPath(fixture("shapes-aarch64"));
  const section = elf.section(".text")!.index;
  const around = (starts: readonly number[], addresses: readonly number[], sizeOf = (_: number) => 64) =>
    rowsAround(elf, memorySource("symbols", functionRows(starts, section, sizeOf)), 24, Float64Array.from(addresses));
  const ascending = (count: number): number[] => Array.from({ length: count }, (_, i) => 0x1000 + 0x80 * i);

  test("has room for the names of one function, and says when there are too many", () => {
    const names = (count: number): number[] => new Array(count).fill(0x1000);
    expect(around(names(30_000), [0x1010])?.rows.length).toBe(30_000);
    expect(around(names(40_000), [0x1010])).toBeUndefined();
  });

  test("takes no room for functions that are passed on the way to the last one below an address", () => {
    const [first, last] = [0x1000, 0x1000 + 0x80 * 99_999];
    expect(around(ascending(100_000), [first, last + 1])).toEqual({
      rows: Uint32Array.of(1, 100_000),
      nearest: [first, last],
    });
  });

  test("is given up where each of many rows would be held against as many others", () => {
    const nested = (count: number) => (row: number) => (row < count ? 2 ** 40 : 64);
    const last = 0x1000 + 0x80 * 19_999;
    expect(around(ascending(20_000), [last], nested(100))?.rows.length).toBe(101);
    expect(around(ascending(20_000), [last], nested(8000))).toBeUndefined();
  });
});
