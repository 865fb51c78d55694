/**
 * Damage as data: the text of a LeaklineError. Anything else is a bug in leakline, and is thrown on.
 */

import { LeaklineError } from "../base/errors.ts";

export function reasonOf(error: unknown): string {
  if (error instanceof LeaklineError) return error.message;
  throw error;
}

/** The reason of an address for which nothing is wrong, and nothing is there. */
export const NOT_COVERED = "no debug information covers this address";
