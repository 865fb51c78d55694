/** What a search in WebAssembly (assembly/) answers with. */

/** It has come to its end. */
export const DONE = 0;
/** It has come to a DIE whose ranges are to be read elsewhere and claimed, and then goes on. */
export const WANTS_RANGES = 1;
/** As that, but of the function whose calls are searched. */
export const WANTS_OWN_RANGES = 3;
/** Damaged, or more than compilers write: for the careful way. */
export const GIVEN_UP = 2;
