/**
 * The rows of an unwind table while it is being made: columns that grow, neighbours with equal rules merged.
 */

import { LeaklineError } from "../base/errors.ts";
import { NO_RULE } from "./rule.ts";

export class RuleRows {
  /** Rows added without a rule, by reason. */
  readonly gaps: { [reason: string]: number } = {};
  private starts = new Uint32Array(1024);
  private rules = new Uint32Array(1024);
  private length = 0;
  private readonly base: number;

  /** @param base virtual address that rows are kept relative to. */
  constructor(base: number) {
    this.base = base;
  }

  /**
   * From `address` on, this rule holds, or none for this reason. Rows that start there or later are replaced: where
   * ranges overlap, the one that starts last counts, as for the C++ runtime's own search.
   *
   * @param address in [base, base + 2^32)
   * @throws LeaklineError `limit` when there are too many rows.
   */
  add(address: number, rule: number | string): void {
    if (typeof rule === "string") {
      this.gaps[rule] = (this.gaps[rule] ?? 0) + 1;
      rule = NO_RULE;
    }
    const start = address - this.base;
    let { length } = this;
    while (length > 0 && this.starts[length - 1] >= start) length--;
    this.length = length;
    if (length > 0 ? this.rules[length - 1] === rule : rule === NO_RULE) return;
    if (length === this.starts.length) this.grow();
    this.starts[length] = start;
    this.rules[length] = rule;
    this.length++;
  }

  /** The rows as two columns, without unused room. */
  columns(): { starts: Uint32Array; rules: Uint32Array } {
    return { starts: this.starts.slice(0, this.length), rules: this.rules.slice(0, this.length) };
  }

  private grow(): void {
    const room = this.length * 2;
    if (room > MAX_ROWS) throw new LeaklineError("limit", `an unwind table of more than ${MAX_ROWS} rows`);
    const { starts, rules } = this;
    this.starts = new Uint32Array(room);
    this.rules = new Uint32Array(room);
    this.starts.set(starts);
    this.rules.set(rules);
  }
}

/** Browsers, the largest programs there are, have about four million. */
export const MAX_ROWS = 1 << 24;
