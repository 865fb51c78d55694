/**
 * One line of `leakline doctor`.
 */

export type Check = {
  /** What is looked at: "kernel". */
  readonly name: string;
  /** False: leakline will not work. "warning": it will, with the restriction that `found` states. */
  readonly ok: boolean | "warning";
  /** What is there. */
  readonly found: string;
  /** How to mend it, where something can be done. */
  readonly mend?: string | undefined;
};
