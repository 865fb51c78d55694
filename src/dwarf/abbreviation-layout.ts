/**
 * How a compiled abbreviation table lies in memory, in words of 32 bits: what assembly/abbreviations.ts writes, and what
 * abbreviations.ts and the walks read.
 *
 * A head; a record for each declaration, and one behind the last; for each code, which record has it; all attributes; all
 * steps. Nothing in it depends on where it lies, so it may be copied.
 */

// The head, by word.
/** Declarations. */
export const COUNT = 0;
/** Codes that are found by the list of codes, which are those below; 0 when codes are so large that there is no list. */
export const CODES = 1;
// Where the parts begin, in words from the head.
export const CODE_LIST = 2;
export const ATTRIBUTES = 3;
export const STEPS = 4;
/** Words of the table as a whole. */
export const WORDS = 5;
/** Bytes of the section that were read, up to the end of the last whole declaration. */
export const BYTES = 6;
/** Why reading ended: one of those below. */
export const ENDED = 7;
/** Of an unknown form, its number. */
export const FORM = 8;
export const HEAD_WORDS = 9;

/** The table's own end was read. */
export const ENDED_WHOLE = 0;
/** As many declarations as were wanted. */
export const ENDED_FULL = 1;
/** The next declaration goes on behind the bytes that were given. */
export const ENDED_EARLY = 2;
export const ENDED_FORM = 3;
export const ENDED_LEB = 4;
export const ENDED_ATTRIBUTES = 5;

// A record, by word.
export const CODE = 0;
export const TAG = 1;
/** Bits: see below. */
export const FLAGS = 2;
/** Bytes of all attributes, or -1 when that depends on their values. */
export const SIZE = 3;
/** With a size: how many bytes behind the code a DW_AT_sibling of four bytes stands, or -1. */
export const SIBLING = 4;
/** The first of its steps, and of its attributes; those of the next record begin where they end. */
export const FIRST_STEP = 5;
export const FIRST_ATTRIBUTE = 6;
/** The end of those attributes that say what a function is called or where a call stands. */
export const NAMED_END = 7;
/** 1 when the attributes that say where code is can be read by place: then place and form of each. */
export const PLACES = 8;
/** A place is in bytes behind the DIE's code, -1 for an attribute that is missing. */
export const PLACE_LOW = 9;
export const PLACE_HIGH = 11;
export const PLACE_RANGES = 13;
export const PLACE_ENTRY = 15;
export const RECORD_WORDS = 17;

// Flags.
export const HAS_CHILDREN = 1;
/** It states an address range: DW_AT_low_pc or DW_AT_ranges. */
export const HAS_CODE = 2;
/** What a search for functions does with it, and what a search for calls does: roles, from these bits on. */
export const FUNCTION_ROLE = 2;
export const CALL_ROLE = 4;
/** All its code is from a DW_FORM_addr to a constant length or another address. */
export const PLAIN_CODE = 64;

// Roles. A leaf is passed; of a scope, its children are looked at; an item is jumped over with all below it; at what is
// searched, a walk stops.
export const ROLE_LEAF = 0;
export const ROLE_SCOPE = 1;
export const ROLE_ITEM = 2;
export const ROLE_WANTED = 3;
export const ROLE_BITS = 3;

// An attribute, by word. The value is that of DW_FORM_implicit_const, low word first.
export const NAME = 0;
export const FORM_OF = 1;
export const VALUE = 2;
export const ATTRIBUTE_WORDS = 4;

// Steps, by which attributes are passed without being read. A step of 0 and more is that many bytes.
export const SKIP_LEB = -1;
export const SKIP_STRING = -2;
export const SKIP_BLOCK1 = -3;
export const SKIP_BLOCK2 = -4;
export const SKIP_BLOCK4 = -5;
export const SKIP_BLOCK = -6;
export const SKIP_INDIRECT = -7;
export const SIBLING1 = -8;
export const SIBLING2 = -9;
export const SIBLING4 = -10;
export const SIBLING_LEB = -11;
