/**
 * What the search of a symbol table keeps in memory, where assembly/index.ts writes it and symbol-search.ts reads it.
 *
 * A *place* is an address with what was found for it, in bytes:
 *
 *     0    the address
 *     8    its floor: the start of the last symbol at or before it; -Infinity at first
 *     16   the list of the rows around the floor: where the first is, 0 for none
 *
 * and a row in such a list:
 *
 *     0    its number
 *     8    where its symbol begins
 *     16   where it ends
 *     24   where the next one is
 *
 * Where something is are 32-bit integers, all else are doubles.
 */

export const PLACE_SIZE = 24;
export const ENTRY_SIZE = 32;
