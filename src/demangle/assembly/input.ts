/** The mangled name, as the caller has put it into memory. */

import { MAX_NAME_LENGTH, ZEROS } from "../limits.ts";

/** Its first byte. Behind the last one stand zeros: to look a few bytes past the end is to find that nothing is there. */
export const INPUT: u32 = <u32>memory.data(MAX_NAME_LENGTH + ZEROS);
