import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FIXTURES, fixture, openBytes, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { virtualAddress } from "../base/address.ts";
import { SHF_EXECINSTR, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "./constants.ts";
import { type ElfFile, symbolIndex } from "./index.ts";

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
