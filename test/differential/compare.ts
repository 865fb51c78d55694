/**
 * One binary: our answers beside the peers', address by address.
 */

import type { ElfFile } from "../../src/elf/index.ts";
import type { Module } from "../../src/symbolize/module.ts";
import { chooseAddresses } from "./addresses.ts";
import type { Answer } from "./answer.ts";
import { sameAnswer } from "./notation.ts";
import { resolveOurs } from "./ours.ts";
import { PEERS } from "./peers.ts";
import { readPltNames } from "./plt-names.ts";
import { seededRandom } from "./random.ts";

/** An address on which we agree with no peer. */
export type Difference = {
  address: number;
  ours: Answer;
  /** In the order of `PEERS`. */
  theirs: Answer[];
};

export type Comparison = {
  addresses: number;
  /** Identical to at least one peer. */
  identical: number;
  /** In the order of `PEERS`: the addresses that each was asked for, and on how many of them we agree. */
  peers: { asked: number; identical: number }[];
  differences: Difference[];
  /** Milliseconds that we took. */
  ourTime: number;
};

/** Answers are megabytes of text: so many addresses at once. */
const AT_ONCE = 20_000;

/**
 * @param debug the file with the debug information and the symbols: what the peers read.
 */
export function compareBinary(module: Module, debug: ElfFile, count: number, seed: number): Comparison {
  const debugFile = debug.name;
  const addresses = chooseAddresses(debug, count, seededRandom(seed));
  const peers = PEERS.map(() => ({ asked: 0, identical: 0 }));
  const result: Comparison = { addresses: addresses.length, identical: 0, peers, differences: [], ourTime: 0 };
  const pltName = readPltNames(module.elf.name);
  for (let start = 0; start < addresses.length; start += AT_ONCE) {
    const part = addresses.slice(start, start + AT_ONCE);
    const began = performance.now();
    const ours = resolveOurs(module, part);
    result.ourTime += performance.now() - began;

    const agreed = part.map((address, i) => {
      const stub = pltName(address);
      return stub !== undefined && sameAnswer(ours[i], [stub]);
    });
    for (const [number, peer] of PEERS.entries()) {
      const step = Math.max(1, Math.ceil(addresses.length / (peer.sample ?? addresses.length)));
      const wanted = part.map((_, i) => i).filter((i) => i % step === 0);
      const theirs = peer.resolve(debugFile, pick(part, wanted));
      peers[number].asked += wanted.length;
      for (const [k, i] of wanted.entries()) {
        if (!sameAnswer(ours[i], theirs[k])) continue;
        peers[number].identical++;
        agreed[i] = true;
      }
    }
    result.differences.push(...differences(debugFile, part, ours, agreed));
  }
  result.identical = addresses.length - result.differences.length;
  return result;
}

/** What is left: every peer is asked about all of it, also one that was asked for a sample only. */
function differences(file: string, addresses: number[], ours: readonly Answer[], agreed: boolean[]): Difference[] {
  const left = addresses.map((_, i) => i).filter((i) => !agreed[i]);
  if (left.length === 0) return [];
  const theirs = PEERS.map((peer) => peer.resolve(file, pick(addresses, left)));
  return left
    .map((i, k) => ({ address: addresses[i], ours: ours[i], theirs: theirs.map((answers) => answers[k]) }))
    .filter(({ ours, theirs }) => !theirs.some((answer) => sameAnswer(ours, answer)));
}

function pick(addresses: readonly number[], wanted: readonly number[]): number[] {
  return wanted.map((i) => addresses[i]);
}
