/**
 * The result as a table: a line a binary, and what the differences are.
 */

import type { DifferenceClass } from "./classes.ts";
import type { Comparison } from "./compare.ts";
import { PEERS } from "./peers.ts";

export type Classes = ReadonlyMap<DifferenceClass, number>;

/** One line; `name` in the first column. */
export function tableLine(name: string, result: Comparison, classes: Classes): string {
  const columns = [
    name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH),
    String(result.addresses).padStart(9),
    percent(result.identical, result.addresses, 4).padStart(9),
    ...result.peers.map(({ asked, identical }) => percent(identical, asked, 2).padStart(7)),
    `${(result.ourTime / 1000).toFixed(1)} s`.padStart(8),
    [...classes].map(([name, count]) => `${count} ${name}`).join(", "),
  ];
  return columns.join(" ").trimEnd();
}

const NAME_WIDTH = 60;

export const TABLE_HEADING = [
  "binary".padEnd(NAME_WIDTH),
  "addresses".padStart(9),
  "identical".padStart(9),
  ...PEERS.map(({ name }) => name.padStart(7)),
  "our time".padStart(8),
  "the rest",
].join(" ");

/** The sum of two results; the differences themselves are not kept. */
export function addResults(a: Comparison, b: Comparison): Comparison {
  return {
    addresses: a.addresses + b.addresses,
    identical: a.identical + b.identical,
    peers: a.peers.map((peer, i) => ({
      asked: peer.asked + b.peers[i].asked,
      identical: peer.identical + b.peers[i].identical,
    })),
    differences: [],
    ourTime: a.ourTime + b.ourTime,
  };
}

export const EMPTY_RESULT: Comparison = {
  addresses: 0,
  identical: 0,
  peers: PEERS.map(() => ({ asked: 0, identical: 0 })),
  differences: [],
  ourTime: 0,
};

/** Rounded down, so that 100 % means all. */
function percent(part: number, whole: number, digits: number): string {
  if (whole === 0) return "-";
  const unit = 10 ** digits;
  return `${(Math.floor((100 * unit * part) / whole) / unit).toFixed(digits)}`;
}
