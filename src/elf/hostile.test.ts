/**
 * Damaged files: whatever the bytes, only LeaklineErrors, in bounded time and memory.
 */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fixture } from "../../test/support/elf-files.ts";
import { virtualAddress } from "../base/address.ts";
import { type ByteSource, checkRange, memorySource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { decompress } from "../compress/index.ts";
import {
  fileOffsetToVirtual,
  functionBounds,
  layOutCode,
  miniDebugInfo,
  openElf,
  pltStubs,
  readSymbols,
  relocatedSection,
  symbolIndex,
  virtualToFileOffset,
} from "./index.ts";

/** Uses everything that elf/ offers; returns how many parts of it refused. */
function exercise(source: ByteSource): number {
  let refused = 0;
  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      refused++;
    }
  }
  attempt(() => {
    const elf = openElf(source, { decompress });
    for (const section of elf.sections) attempt(() => elf.sectionData(section));
    for (const source of [".symtab", ".dynsym"] as const) {
      attempt(() => {
        const table = readSymbols(elf, source);
        for (let row = 0; table && row < table.count; row++) table.versionedName(row);
      });
    }
    const index = symbolIndex(elf);
    for (const address of [-1, 0, elf.entry, elf.entry + 100, 2 ** 53]) {
      index.findSymbol(virtualAddress(address));
      layOutCode(elf)?.locate(virtualAddress(address));
      const offset = virtualToFileOffset(elf.segments, virtualAddress(address));
      if (offset !== undefined) fileOffsetToVirtual(elf.segments, offset);
    }
    functionBounds(elf);
    for (const name of [".debug_info", ".debug_line"]) attempt(() => relocatedSection(elf, name));
    pltStubs(elf);
    attempt(() => miniDebugInfo(elf));
    for (const key of ["buildId", "debugLink", "debugAltLink"] as const) elf[key];
    refused += elf.problems.length;
  });
  return refused;
}

function exerciseBytes(bytes: Uint8Array): number {
  return exercise(memorySource("hostile", bytes));
}

/** A sparse file of 16 TiB that starts with `bytes`: its size gives no bound, so the limits must. */
function sparseFile(bytes: Uint8Array): ByteSource {
  const size = 2 ** 44;
  return {
    name: "sparse",
    size,
    read(offset, length) {
      checkRange("sparse", size, offset, length);
      if (length > 2 ** 28) throw new Error(`${length} bytes read at once`);
      const result = new Uint8Array(length);
      if (offset < bytes.length) result.set(bytes.subarray(offset, offset + length));
      return result;
    },
  };
}

const NAMES = ["shapes-i686", "shapes-s390x", "shapes-arm-zlib.o"];

describe.each(NAMES)("%s", (name) => {
  const original = readFileSync(fixture(name));

  test("undamaged, nothing is refused", () => {
    expect(exerciseBytes(original)).toBe(0);
  });

  test("cut off at every offset", () => {
    let refused = 0;
    for (let length = 0; length < original.length; length++)
      if (exerciseBytes(original.subarray(0, length)) > 0) refused++;
    // A shorter file always lacks something that its headers promise, but where only the padding at the end is cut.
    expect(refused).toBeGreaterThan(original.length - 8);
  });

  test("every byte of the headers at its extremes", () => {
    const bytes = Uint8Array.from(original);
    for (let at = 0; at < 0x200; at++) {
      for (const value of [0x00, 0x01, 0x7f, 0x80, 0xff]) {
        bytes[at] = value;
        exerciseBytes(bytes);
      }
      bytes[at] = original[at];
    }
  });

  test("random damage", () => {
    const change = fc.tuple(
      fc.nat(original.length - 1),
      fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const bytes = Uint8Array.from(original);
        for (const [at, value] of changes) bytes[at] = value;
        exerciseBytes(bytes);
      }),
      { numRuns: 1000, verbose: true },
    );
  });

  describe("random words in the tables of headers, as numbers that mean something", () => {
    const isLarge = original[4] === 2;
    const littleEndian = original[5] === 1;
    const view = new DataView(original.buffer, original.byteOffset, original.length);
    const table = isLarge ? Number(view.getBigUint64(40, littleEndian)) : view.getUint32(32, littleEndian);
    const places = fc.oneof(
      fc.nat(63).map((word) => word * 4),
      fc.nat((original.length - table) / 4 - 1).map((word) => table + word * 4),
    );
    const values = fc.oneof(
      fc.constantFrom(0, 1, 0x7fffffff, 0x80000000, 0xffffffff),
      fc.nat(original.length),
      fc.nat(64),
    );
    const changes = fc.array(fc.tuple(places, values), { minLength: 1, maxLength: 6 });
    function changed(words: [number, number][]): Uint8Array {
      const bytes = Uint8Array.from(original);
      const target = new DataView(bytes.buffer);
      for (const [at, value] of words) if (at + 4 <= bytes.length) target.setUint32(at, value, littleEndian);
      return bytes;
    }

    test("in a file of that size", () => {
      fc.assert(
        fc.property(changes, (words) => void exerciseBytes(changed(words))),
        { numRuns: 1000, verbose: true },
      );
    });

    test("in a sparse file", () => {
      fc.assert(
        fc.property(changes, (words) => void exercise(sparseFile(changed(words)))),
        { numRuns: 300, verbose: true },
      );
    });
  });
});
