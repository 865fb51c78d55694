/** Every exit code of the command, in one table. `leakline --help` prints it. */

import type { ErrorCode } from "../base/errors.ts";

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  permission: 3,
  targetGone: 4,
} as const;

/** Rows for the help: code, meaning. */
export const EXIT_MEANINGS: readonly (readonly [number, string])[] = [
  [EXIT.done, "done"],
  [EXIT.failed, "failed: the message says why and what to do"],
  [EXIT.usage, "the command line is wrong"],
  [EXIT.permission, "missing privilege"],
  [EXIT.targetGone, "the process does not exist, or exited before it could be traced"],
];

export function exitCodeOf(code: ErrorCode): number {
  if (code === "usage") return EXIT.usage;
  if (code === "permission") return EXIT.permission;
  if (code === "target-gone") return EXIT.targetGone;
  return EXIT.failed;
}
