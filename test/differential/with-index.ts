/**
 * The same addresses three times: without an index; through one of answers that were asked for before; and through one
 * of the whole file, which is to have every answer. Whatever differs is wrong, to the order of fields.
 */

import { virtualAddress } from "../../src/base/address.ts";
import { LeaklineError } from "../../src/base/errors.ts";
import { decompress } from "../../src/compress/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { openFile } from "../../src/os/file-bytes.ts";
import type { KeptAnswers } from "../../src/symbolize/file-provider.ts";
import { IndexStore } from "../../src/symbolize/local/index-store.ts";
import { localFiles } from "../../src/symbolize/local/local-files.ts";
import { Module } from "../../src/symbolize/module.ts";
import { chooseAddresses } from "./addresses.ts";
import type { Binary } from "./binaries.ts";
import { seededRandom } from "./random.ts";

export type IndexComparison = {
  addresses: number;
  /** Addresses whose answer differs, with how it was asked for. */
  differences: string[];
  /** What was wrong with the indexes. */
  problems: string[];
  /** Whether there was one of the whole file: what is in .dwo files is not kept. */
  isIndexed: boolean;
  /** Answers that it did not have. */
  missing: number;
};

/** @param folder for indexes, empty. */
export function compareWithIndex({ path }: Binary, folder: string, count: number, seed: number): IndexComparison {
  const result: IndexComparison = { addresses: 0, differences: [], problems: [], isIndexed: true, missing: 0 };
  const elf = openElf(openFile(path), { decompress });
  const addresses = chooseAddresses(elf, count, seededRandom(seed)).map((address) => virtualAddress(address));
  elf.source.close?.();
  result.addresses = addresses.length;

  /** With a store of its own, as each run of a command has. */
  function withModule<T>(stamp: string | undefined, use: (module: Module) => T): T {
    const store = stamp === undefined ? undefined : new IndexStore(folder, stamp);
    const keptAnswers = (identity: string): KeptAnswers | undefined => {
      const kept = store?.of(identity);
      return kept && stamp === "whole" ? counted(kept, (missing) => (result.missing += missing)) : kept;
    };
    const module = new Module(openElf(openFile(path), { decompress }), path, { ...localFiles({}), keptAnswers });
    const answer = use(module);
    module.close();
    store?.save();
    if (store) result.problems.push(...store.refused, ...(store.problem === undefined ? [] : [store.problem]));
    return answer;
  }

  withModule("whole", (module) => {
    try {
      module.keepWhole();
    } catch (error) {
      if (!(error instanceof LeaklineError && /\.dwo/.test(error.message))) throw error;
      result.isIndexed = false;
    }
  });
  for (const isReturn of [false, true]) {
    const ask = (stamp?: string): string[] =>
      withModule(stamp, (module) => module.findAll(addresses, isReturn).map((frames) => JSON.stringify(frames)));
    const plain = ask();
    withModule("printed", (module) => module.findEach(addresses, isReturn, () => undefined, { takeChain: () => true }));
    for (const [how, answers] of [
      ["while it is kept", ask("asked")],
      ["as it was kept", ask("asked")],
      ["as it was kept when it was printed", ask("printed")],
      ["from the whole index", result.isIndexed ? ask("whole") : plain],
    ] as const)
      for (const [i, answer] of answers.entries())
        if (answer !== plain[i])
          result.differences.push(`0x${addresses[i].toString(16)} ${how}: ${answer} instead of ${plain[i]}`);
  }
  return result;
}

function counted(kept: KeptAnswers, count: (missing: number) => void): KeptAnswers {
  return {
    look(addresses, isReturn) {
      const found = kept.look(addresses, isReturn);
      count(addresses.filter((_, i) => !found.has(i)).length);
      return found;
    },
    keep: (address, isReturn, frames) => kept.keep(address, isReturn, frames),
    keepChain: (wanted, chain) => kept.keepChain(wanted, chain),
    keepWhole: (ranges) => kept.keepWhole(ranges),
  };
}
