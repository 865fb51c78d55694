/**
 * How files are damaged: numbers set to extremes or to something that looks right, bytes copied from elsewhere, zeros,
 * cuts. A change first chooses a section, so that small ones are hit as often as large ones.
 */

import fc from "fast-check";
import { memorySource } from "../../src/base/bytes.ts";
import { openElf } from "../../src/elf/index.ts";
import type { Seed } from "./seeds.ts";

/** A place as two fractions: of the list of the file's parts, and of the part. */
type Place = { file: number; part: number; at: number };

export type Mutation =
  | { kind: "set"; place: Place; size: 1 | 2 | 4 | 8; value: number }
  | { kind: "copy"; place: Place; from: Place; count: number }
  | { kind: "zero"; place: Place; count: number }
  | { kind: "cut"; place: Place };

/** Evenly spread: `fc.double` prefers numbers near 0, which all mean the first byte. */
export const fraction = fc.noBias(fc.nat(0xffffff)).map((number) => number / 0x1000000);
const place = fc.record({ file: fraction, part: fraction, at: fraction });
const value = fc.oneof(
  fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff),
  fc.nat(255),
  fc.nat(0x4000),
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      place,
      size: fc.constantFrom(1, 1, 1, 2, 4, 8) as fc.Arbitrary<1 | 2 | 4 | 8>,
      value,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("copy" as const),
      place,
      from: place,
      count: fc.integer({ min: 1, max: 64 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("zero" as const), place, count: fc.integer({ min: 1, max: 64 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), place }) },
);

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(mutation, { minLength: 1, maxLength: 8 });

/** The parts of a seed's files that changes choose among: the file header, the tables of headers, the sections. */
export type Parts = { path: string; ranges: [start: number, size: number][] }[];

export function partsOf(seed: Seed): Parts {
  return [...seed.files].map(([path, bytes]) => {
    const elf = openElf(memorySource(path, bytes));
    const sections = elf.sections
      .filter(({ type, size, offset }) => type !== 0 && size > 0 && offset + size <= bytes.length)
      .map(({ offset, size }): [number, number] => [offset, size]);
    const end = Math.max(64, ...sections.map(([start, size]) => start + size));
    // Debug information counts twice: there is the most to damage.
    const debug = elf.sections
      .filter(({ name }) => name.includes("debug"))
      .map(({ offset, size }): [number, number] => [offset, size]);
    return { path, ranges: [[0, 64], [end, Math.max(1, bytes.length - end)], ...sections, ...debug] };
  });
}

/** The damaged copy. */
export function mutate(seed: Seed, parts: Parts, changes: readonly Mutation[]): Map<string, Uint8Array> {
  const files = new Map([...seed.files].map(([path, bytes]) => [path, Uint8Array.from(bytes)]));
  for (const change of changes) apply(files, parts, change);
  return files;
}

function apply(files: Map<string, Uint8Array>, parts: Parts, change: Mutation): void {
  const { path, offset } = locate(parts, change.place);
  const bytes = files.get(path) as Uint8Array;
  switch (change.kind) {
    case "set":
      // Either byte order, by the parity of the place; beyond the file's end there is nothing to change.
      for (let i = 0; i < change.size && offset + i < bytes.length; i++) {
        const shift = offset % 2 === 0 ? i : change.size - 1 - i;
        bytes[offset + i] = Math.floor(change.value / 256 ** shift);
      }
      break;
    case "copy": {
      const from = locate(parts, change.from);
      const source = (files.get(from.path) as Uint8Array).slice(from.offset, from.offset + change.count);
      bytes.set(source.subarray(0, Math.max(0, bytes.length - offset)), Math.min(offset, bytes.length));
      break;
    }
    case "zero":
      bytes.fill(0, offset, offset + change.count);
      break;
    case "cut":
      files.set(path, bytes.slice(0, offset));
      break;
  }
}

function locate(parts: Parts, { file, part, at }: Place): { path: string; offset: number } {
  const { path, ranges } = parts[Math.floor(file * parts.length)];
  const [start, size] = ranges[Math.floor(part * ranges.length)];
  return { path, offset: start + Math.floor(at * size) };
}
