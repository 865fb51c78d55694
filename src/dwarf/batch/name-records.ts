/**
 * What assembly/names.ts reads of a function or an inlined call, in doubles: the offsets of its names in .debug_str, and
 * where the call stands in the source. -1 means that there is none.
 */

/** `UNREAD` when the names are not all where compilers mostly put them: then nothing else of it counts. */
export const LINKAGE_NAME = 0;
export const NAME = 1;
export const CALL_FILE = 2;
export const CALL_LINE = 3;
export const CALL_COLUMN = 4;
export const NAME_RECORD = 5;

export const UNREAD = -2;
