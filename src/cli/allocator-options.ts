/** The options that name a program's own allocator, for `attach` and `record`. */

import { parseAllocation, parseRelease, type UserFunction } from "../process/user-allocator.ts";
import type { Arguments, OptionTable } from "./command.ts";

export const ALLOCATOR_OPTIONS: OptionTable = {
  alloc: { value: "FUNCTION", help: "also account what it allocates: 'pool_alloc(_, size)'", multiple: true },
  free: { value: "FUNCTION", help: "the function that takes it back: 'pool_free(_, ptr)'", multiple: true },
};

/** @throws LeaklineError `usage`. */
export function userFunctionsFrom(given: Arguments): UserFunction[] {
  return [...given.texts("alloc").map(parseAllocation), ...given.texts("free").map(parseRelease)];
}
