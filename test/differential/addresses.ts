/**
 * Which addresses of a binary are compared: half of them anywhere in its executable sections, so that padding, PLT and
 * assembly are met too; half in a function chosen at random, so that small functions count as much as large ones.
 */

import { SHF_EXECINSTR, STT_FUNC } from "../../src/elf/constants.ts";
import { type ElfFile, readSymbols } from "../../src/elf/index.ts";
import type { Random } from "./random.ts";

/** @returns `count` virtual addresses in ascending order, perhaps fewer different ones in a small binary. */
export function chooseAddresses(elf: ElfFile, count: number, random: Random): number[] {
  const chosen = new Set<number>();
  const sections = executableRanges(elf);
  const functions = functionRanges(elf);
  const total = sections.reduce((sum, { size }) => sum + size, 0);
  // A small binary has fewer bytes of code than addresses are wanted.
  for (let tries = 0; chosen.size < Math.min(count, total) && tries < 4 * count; tries++) {
    const among = tries % 2 === 0 && functions.length > 0 ? functions[random.below(functions.length)] : undefined;
    const { address, size } = among ?? pickByLength(sections, random.below(total));
    chosen.add(address + random.below(size));
  }
  return [...chosen].sort((a, b) => a - b);
}

type Range = { address: number; size: number };

function executableRanges(elf: ElfFile): Range[] {
  return elf.sections
    .filter(({ flags, size, address }) => flags & SHF_EXECINSTR && size > 0 && address > 0)
    .map(({ address, size }) => ({ address, size }));
}

function functionRanges(elf: ElfFile): Range[] {
  const table = readSymbols(elf, ".symtab") ?? readSymbols(elf, ".dynsym");
  const ranges: Range[] = [];
  for (let row = 0; table && row < table.count; row++) {
    const isFunction = table.type(row) === STT_FUNC && table.sectionIndexes[row] !== 0;
    if (isFunction && table.sizes[row] > 0) ranges.push({ address: table.values[row], size: table.sizes[row] });
  }
  return ranges;
}

/** The range that has the n-th byte of all. */
function pickByLength(ranges: readonly Range[], n: number): Range {
  let left = n;
  for (const range of ranges) {
    if (left < range.size) return range;
    left -= range.size;
  }
  return ranges[ranges.length - 1];
}
