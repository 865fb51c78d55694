/**
 * Limits that keep a hostile file from costing more than an honest one of its size.
 *
 * Most work is bounded by the bytes it reads. What is stated here bounds the rest: a short file that refers to the same
 * bytes over and over, and a long one that would become a much longer table in memory. Each is far above anything that a
 * compiler has written; what exceeds one is reported as a reason, like any damage.
 */

/** Memory for parsed units and their tables, in bytes, about. */
export const UNIT_CACHE_BYTES = 64 * 1024 * 1024;
/** Memory for line tables, in bytes (an estimate: ten times the programs' own bytes, as if every row were decoded). */
export const LINE_CACHE_BYTES = 64 * 1024 * 1024;
/** Abbreviation tables kept for units to share, besides those that cached units hold. */
export const ABBREVIATION_TABLES = 16;
/** Declarations in one abbreviation table. */
export const MAX_ABBREVIATIONS = 1 << 22;
/** Attributes of all the declarations of one abbreviation table. */
export const MAX_ABBREVIATION_ATTRIBUTES = 1 << 24;
/** Units in one section. */
export const MAX_UNITS = 1 << 22;
/** Entries of `.debug_aranges`; above, the section is not used. */
export const MAX_ARANGES = 1 << 23;
/** Functions with code in one unit, and inlined calls in one function. */
export const MAX_FUNCTIONS = 1 << 22;
/** Range list entries that the functions of a unit, or the calls in a function, refer to, counted as often as they do. */
export const MAX_RANGE_ENTRIES = 1 << 22;
/** No more of them than their section has bytes, which is each of them twice, and this many for small sections. */
export const FREE_RANGE_ENTRIES = 1 << 16;
/** Files and directories, each, of one line program. */
export const MAX_FILES = 1 << 20;
/** Rows of one sequence. */
export const MAX_SEQUENCE_ROWS = 1 << 23;
/** Longest chain of abstract origins and specifications followed for a name. */
export const MAX_ORIGINS = 16;
/** Units tried for one address. */
export const MAX_CANDIDATES = 64;
/** Abbreviations read while the units' roots are listed: this many times the size of their section, plus 1 MiB. */
export const ROOT_SCAN_FACTOR = 16;
/** Damaged DIEs passed over in one unit before the rest of it is given up. */
export const MAX_DAMAGED = 100;
/** Damaged units passed over in one file before the rest is given up: noting one costs far more than its few bytes. */
export const MAX_DAMAGED_UNITS = 1 << 12;
/** Slots of a package's hash table that are tried for one unit. */
export const MAX_PROBES = 1 << 20;
/** Ranges in the index of units that contain one address and are looked at. */
export const MAX_CLAIMS = 1 << 13;
/** Frames of one address. */
export const MAX_FRAMES = 1 << 12;
/** Bytes of names, paths and ranges in one answer, about: many DIEs may share one long string or list. */
export const MAX_ANSWER_BYTES = 1 << 23;
/** Bytes of inlined calls, names, paths and ranges kept with one unit, about; above, they are read again when they are asked for. */
export const MAX_KEPT_BYTES = 1 << 25;
/** Longest string that a batch reads, in bytes, and characters of all its strings: what is beyond is read address by address. */
export const MAX_STRING = 1 << 20;
export const MAX_BATCH_TEXT = 1 << 28;
