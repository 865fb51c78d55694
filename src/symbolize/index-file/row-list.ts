/** The rows of an index that is being written, and the groups that they stand in. */

import type { ByteList } from "./byte-list.ts";
import { GROUP_ROWS } from "./header.ts";

export class RowList {
  readonly groups: ByteList;
  readonly rows: ByteList;
  private base = 0;
  private rowsInGroup = 0;
  private lastNode = 0;
  private covered = Number.NEGATIVE_INFINITY;

  constructor(groups: ByteList, rows: ByteList) {
    this.groups = groups;
    this.rows = rows;
  }

  /** Adds a range that does not begin before the one that was added last. Where they overlap, that one holds: they say the same. */
  add(begin: number, end: number, node: number): void {
    if (end <= this.covered) return;
    if (begin > this.covered) this.change(this.covered, 0);
    this.change(Math.max(begin, this.covered), node);
    this.covered = end;
  }

  /** After the last range. */
  finish(): void {
    this.change(this.covered, 0);
  }

  /** Where the answer changes: each row holds up to the next. */
  private change(address: number, node: number): void {
    if (node === this.lastNode) return;
    const { rows } = this;
    if (this.rowsInGroup === GROUP_ROWS || rows.length === 0 || address - this.base > 0xffffffff) {
      this.base = address;
      this.rowsInGroup = 0;
      this.groups.float64(address);
      this.groups.float64(rows.length);
    }
    rows.uint32(address - this.base);
    rows.uint32(node);
    this.rowsInGroup++;
    this.lastNode = node;
  }
}
