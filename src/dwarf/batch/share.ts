/**
 * A batch in parts, of which others are resolved elsewhere at the same time: on other threads, where there are any.
 *
 * Units are independent, so each part is a stretch of them with the addresses that they have. What does not come back is
 * resolved here as well, so that the answers are the same however many help.
 */

import { stableOrder } from "../../base/stable-order.ts";
import type { AnswerColumns } from "./answers.ts";
import type { Batch } from "./batch.ts";

/** Ascending addresses, and for each of them where its unit begins; both may be handed over for good. */
export type BatchPart = { readonly addresses: Float64Array; readonly units: Float64Array; readonly inlines: boolean };

/** Who resolves parts elsewhere. */
export type BatchHelper = {
  /** How many parts it is worth to give away when units of so many bytes are to be read. */
  count(bytes: number): number;
  /** Bytes of units that are read here before others have begun. */
  readonly headStart: number;
  /**
   * Begins to resolve a part of the same file.
   *
   * @returns waits for the answers; undefined when there will be none.
   */
  begin(part: BatchPart): () => AnswerColumns | undefined;
};

/**
 * Runs a batch with the help of others.
 *
 * @param addresses ascending.
 * @param units as `Batch.run` wants them.
 * @param sizeOf bytes of the unit at an offset, about.
 */
export function runShared(
  batch: Batch,
  addresses: Float64Array,
  units: Float64Array,
  sizeOf: (unit: number) => number,
  helper: BatchHelper,
): void {
  const order = stableOrder(units, units.length);
  // By place in that order: bytes of all units up to and with this one.
  const bytes = new Float64Array(order.length);
  let sum = 0;
  for (let i = 0; i < order.length; i++) {
    const unit = units[order[i]];
    if (unit >= 0 && (i === 0 || unit !== units[order[i - 1]])) sum += sizeOf(unit);
    bytes[i] = sum;
  }
  const given = helper.count(sum);
  const each = Math.max(0, (sum - helper.headStart) / (given + 1));
  // Indexes of addresses, ascending.
  const parts: Uint32Array[] = [];
  for (let from = 0, part = 1; from < order.length; part++) {
    let to = from;
    while (to < order.length && (part > given || bytes[to] <= each * part)) to++;
    if (to > from) parts.push(order.slice(from, to).sort());
    from = to;
  }
  // The last part is ours: it is the largest.
  const own = parts.pop();
  const begun = parts.map((indexes) => ({ indexes, wait: helper.begin(partOf(indexes, addresses, units, batch)) }));
  if (own) batch.run(only(own, units));
  for (const { indexes, wait } of begun) {
    const columns = wait();
    if (columns) batch.answers.take(columns, indexes);
    else batch.run(only(indexes, units));
  }
}

function partOf(indexes: Uint32Array, addresses: Float64Array, units: Float64Array, { inlines }: Batch): BatchPart {
  return {
    addresses: Float64Array.from(indexes, (index) => addresses[index]),
    units: Float64Array.from(indexes, (index) => units[index]),
    inlines,
  };
}

/** The units of these addresses; those of all others are left to others. */
function only(indexes: Uint32Array, units: Float64Array): Float64Array {
  const some = new Float64Array(units.length).fill(-1);
  for (const index of indexes) some[index] = units[index];
  return some;
}
