/**
 * One binary: our answers beside the peers', address by address.
 */

import type { Module } from "../../src/symbolize/module.ts";
import { chooseAddresses } from "./addresses.ts";
import type { Answer } from "./answer.ts";
import { sameAnswer } from "./notation.ts";
import { resolveOurs } from "./ours.ts";
import { PEERS, type Peer } from "./peers.ts";
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
  /** Identical to each, in the order of `peers`. */
  identicalTo: number[];
  differences: Difference[];
  /** Milliseconds that we took. */
  ourTime: number;
};

/** Peers are asked for so many addresses at once: their answers are megabytes of text. */
const AT_ONCE = 20_000;

/**
 * @param debugFile what the peers read: the file that has the debug information.
 */
export function compareBinary(
  module: Module,
  debugFile: string,
  count: number,
  seed: number,
  peers: readonly Peer[] = PEERS,
): Comparison {
  const debug = module.elf;
  const addresses = chooseAddresses(debug, count, seededRandom(seed));
  const identicalTo = peers.map(() => 0);
  const result: Comparison = { addresses: addresses.length, identical: 0, identicalTo, differences: [], ourTime: 0 };
  for (let start = 0; start < addresses.length; start += AT_ONCE) {
    const part = addresses.slice(start, start + AT_ONCE);
    const began = performance.now();
    const ours = resolveOurs(module, part);
    result.ourTime += performance.now() - began;
    const theirs = peers.map((peer) => peer.resolve(debugFile, part));
    for (const [i, address] of part.entries()) {
      const same = theirs.map((answers) => sameAnswer(ours[i], answers[i]));
      for (const [peer, isSame] of same.entries()) if (isSame) identicalTo[peer]++;
      if (same.includes(true)) result.identical++;
      else result.differences.push({ address, ours: ours[i], theirs: theirs.map((answers) => answers[i]) });
    }
  }
  return result;
}
