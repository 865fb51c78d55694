/** What a search in WebAssembly (assembly/) answers with. */

/** It has come to its end. */
export const DONE = 0;
/** It has come to a DIE whose ranges are to be read elsewhere and claimed, and then goes on. */
export const WANTS_RANGES = 1;
/** Damaged, or more than compilers write: for the careful way. */
export const GIVEN_UP = 2;
