/**
 * Why we differ from all peers at an address: rules that look at the file. docs/differences.md explains each class with
 * an example; what no rule knows is `unexplained`, and is to be looked at.
 */

import { type ElfFile, readSymbols } from "../../src/elf/index.ts";
import type { Answer } from "./answer.ts";
import type { Difference } from "./compare.ts";
import { plainName, sameFrame, samePlace } from "./notation.ts";

export type DifferenceClass = "folded" | "unexplained";

/** @returns a function that classifies the differences of one binary. */
export function classifier(elf: ElfFile): (difference: Difference) => DifferenceClass {
  const starts = symbolStarts(elf);

  /** Only the outermost frame's name differs, and both names are symbols of one address. */
  function isFolded(ours: Answer, theirs: Answer): boolean {
    const last = ours.length - 1;
    if (last !== theirs.length - 1 || !samePlace(ours[last], theirs[last])) return false;
    if (!ours.slice(0, last).every((frame, i) => sameFrame(frame, theirs[i]))) return false;
    const mine = starts.get(plainName(ours[last].name));
    const other = starts.get(plainName(theirs[last].name));
    return mine !== undefined && other !== undefined && [...mine].some((address) => other.has(address));
  }

  return ({ ours, theirs }) => {
    if (theirs.some((answer) => isFolded(ours, answer))) return "folded";
    return "unexplained";
  };
}

/** By demangled name, where symbols of that name begin. */
function symbolStarts(elf: ElfFile): Map<string, Set<number>> {
  const starts = new Map<string, Set<number>>();
  for (const source of [".symtab", ".dynsym"] as const) {
    const table = readSymbols(elf, source);
    for (let row = 0; table && row < table.count; row++) {
      const name = plainName(table.name(row));
      const known = starts.get(name);
      if (known) known.add(table.values[row]);
      else starts.set(name, new Set([table.values[row]]));
    }
  }
  return starts;
}
