/**
 * From an address to the symbol that contains it.
 *
 * Symbols that start at one address form a *group*: the best of them gives the name, the others are its aliases.
 * Groups may nest and overlap (a label inside a function, a function with two entries), so a sweep over them writes
 * down, once, where the answer changes:
 *
 *     symbols     outer [0x10,0x50)   inner [0x20,0x30)
 *     address      0x10   0x20   0x30   0x50
 *     answer       outer  inner  outer  none
 *
 * A lookup is then one binary search, whatever the file. All in typed arrays of row numbers; names stay in the file.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { stableOrder } from "../base/stable-order.ts";
import { upperBound, upperBoundFrom } from "../base/upper-bound.ts";
import { STB_GLOBAL, STB_GNU_UNIQUE, STB_LOCAL, STB_WEAK, STT_NOTYPE } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { collectFunctions, type FunctionRows } from "./function-symbols.ts";
import { readSymbols, readSymbolsAround, type SymbolSource, type SymbolTable } from "./symbol-table.ts";

export type FoundSymbol = {
  /** As the file has it: not demangled. */
  readonly name: string;
  /** Where it starts. */
  readonly address: VirtualAddress;
  /** Bytes, 0 when the file does not say. */
  readonly size: number;
  /** Other names of the same address, best first; at most `MAX_ALIASES`. */
  readonly aliases: readonly string[];
  readonly source: SymbolSource;
  /** Name of the file. */
  readonly file: string;
};

export type SymbolIndex = {
  /** Bytes of memory that the tables read so far take, about. */
  readonly memory: number;
  /**
   * The innermost function symbol that contains `address`; `.symtab` is asked first, then `.dynsym`.
   *
   * A symbol without a size reaches to the next symbol or the end of its section in `.symtab`, where such symbols are
   * assembly code; in `.dynsym`, where most of the neighbours are missing, it answers for its own address only.
   *
   * @param address in a relocatable file, one of `layOutCode`.
   */
  findSymbol(address: VirtualAddress): FoundSymbol | undefined;
  /**
   * Says which addresses will be asked for next. When they are few, the table need not be sorted for them.
   *
   * @param addresses ascending.
   */
  expect(addresses: Float64Array): void;
  /** Every address where its answer may change, in no order: between two neighbours, it is the same. */
  changes(): Generator<number>;
};

/**
 * The index of a file's symbols. A table is read and sorted when it is first asked; damaged ones go to `elf.problems`.
 */
export function symbolIndex(elf: ElfFile): SymbolIndex {
  const tables = new Map<SymbolSource, TableIndex | undefined>();
  /** Likewise, of the rows around the expected addresses only. */
  const parts = new Map<SymbolSource, TableIndex | undefined>();
  let expected: Float64Array = new Float64Array(0);
  let partsMade = 0;

  function open(source: SymbolSource): TableIndex | undefined {
    if (tables.has(source)) return tables.get(source);
    tables.set(source, undefined);
    try {
      const table = readSymbols(elf, source);
      if (table) tables.set(source, indexTable(elf, table));
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      elf.problems.push(error);
    }
    return tables.get(source);
  }

  /** What answers for an address; of a table that is not opened yet, as little as possible. */
  function openFor(source: SymbolSource, address: number): TableIndex | undefined {
    const isExpected = expected.length > 0 && expected[upperBound(expected, address) - 1] === address;
    if (!isExpected || tables.has(source)) return open(source);
    if (!parts.has(source)) parts.set(source, partsMade++ < MAX_PARTS ? openPart(source) : undefined);
    return parts.get(source) ?? open(source);
  }

  function openPart(source: SymbolSource): TableIndex | undefined {
    try {
      const part = readSymbolsAround(elf, source, expected);
      if (!part) return undefined;
      const index = indexTable(elf, part.table);
      const { addresses, rows } = index.functions;
      // What was taken for a symbol of code may be an assembler's label, which only its name tells.
      const starts = new Set<number>();
      for (const row of rows) starts.add(addresses[row]);
      const isSound = part.nearest.every((start) => starts.has(start));
      return isSound ? index : undefined;
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return undefined; // `open` says why
    }
  }

  return {
    expect(addresses) {
      expected = addresses.length <= MAX_EXPECTED ? addresses : new Float64Array(0);
      parts.clear();
    },
    get memory() {
      let bytes = 0;
      for (const index of tables.values())
        if (index) bytes += index.table.count * BYTES_A_ROW + index.table.stringBytes;
      return bytes;
    },
    findSymbol(address) {
      for (const source of SOURCES) {
        const table = openFor(source, address);
        const found = table && findInTable(table, address);
        if (found) return found;
      }
      return undefined;
    },
    *changes() {
      for (const source of SOURCES) {
        const index = open(source);
        if (!index) continue;
        yield* index.boundaries;
        // Of several symbols at one address, each names it for its own length.
        for (const row of index.rows) yield index.functions.addresses[row] + index.table.sizes[row];
      }
    },
  };
}

/** In the order in which they are asked. */
const SOURCES: readonly SymbolSource[] = [".symtab", ".dynsym"];

/** Row numbers sorted by address; group *g* is `rows[first[g]]` to before `rows[first[g + 1]]`. */
type TableIndex = {
  file: string;
  table: SymbolTable;
  functions: FunctionRows;
  rows: Uint32Array;
  first: Uint32Array;
  /** From `boundaries[i]` on, until the next one, group `owners[i]` is the innermost; -1 for none. */
  boundaries: Float64Array;
  owners: Int32Array;
  /** How many boundaries are at or before the address asked for last. */
  passed: number;
  /** The answer given last: it is the same for any address of its group below `end`. */
  last?: { group: number; end: number; found: FoundSymbol };
};

function indexTable(elf: ElfFile, table: SymbolTable): TableIndex {
  const functions = collectFunctions(elf, table);
  const rows = sortRows(table, functions);
  const { addresses } = functions;
  const first = new Uint32Array(rows.length + 1);
  let groups = 0;
  for (let i = 0; i < rows.length; i++)
    if (i === 0 || addresses[rows[i]] !== addresses[rows[i - 1]]) first[groups++] = i;
  first[groups] = rows.length;
  const { boundaries, owners } = sweep(functions, rows, first, groups, table);
  const file = elf.name;
  return { file, table, functions, rows, first: first.slice(0, groups + 1), boundaries, owners, passed: 0 };
}

/** By address; at one address by how good a name the symbol gives. */
function sortRows(table: SymbolTable, { addresses, rows }: FunctionRows): Uint32Array {
  const starts = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) starts[i] = addresses[rows[i]];
  const order = stableOrder(starts, rows.length, (a, b) => rankOf(table, rows[a]) - rankOf(table, rows[b]));
  return order.map((i) => rows[i]);
}

/** How good a name a symbol gives: the lower, the better. */
function rankOf(table: SymbolTable, row: number): number {
  const bind = table.bind(row);
  const strength =
    bind === STB_GLOBAL || bind === STB_GNU_UNIQUE ? 0 : bind === STB_WEAK ? 1 : bind === STB_LOCAL ? 2 : 3;
  return (table.type(row) === STT_NOTYPE ? 4 : 0) + strength;
}

/** Walks the groups by address with a stack of those that are open, and writes a boundary wherever its top changes. */
function sweep(
  { addresses, limits }: FunctionRows,
  rows: Uint32Array,
  first: Uint32Array,
  groups: number,
  table: SymbolTable,
): { boundaries: Float64Array; owners: Int32Array } {
  const boundaries = new Float64Array(2 * groups);
  const owners = new Int32Array(2 * groups);
  const ends = new Float64Array(groups);
  const open = new Int32Array(groups);
  let count = 0;
  let depth = 0;

  function mark(address: number, owner: number): void {
    if (count > 0 && boundaries[count - 1] === address) count--;
    boundaries[count] = address;
    owners[count++] = owner;
  }
  /** Closes what ends at or before `address`; beneath each may be others that have ended too. */
  function closeUntil(address: number): void {
    while (depth > 0 && ends[open[depth - 1]] <= address) {
      const end = ends[open[depth - 1]];
      while (depth > 0 && ends[open[depth - 1]] <= end) depth--;
      mark(end, depth > 0 ? open[depth - 1] : -1);
    }
  }

  for (let group = 0; group < groups; group++) {
    const start = addresses[rows[first[group]]];
    closeUntil(start);
    let end = start;
    for (let i = first[group]; i < first[group + 1]; i++) end = Math.max(end, start + table.sizes[rows[i]]);
    if (end === start) {
      // No size: as far as the next symbol, the section, or the function it is a label of.
      end = limits[rows[first[group]]];
      if (group + 1 < groups) end = Math.min(end, addresses[rows[first[group + 1]]]);
      if (depth > 0) end = Math.min(end, ends[open[depth - 1]]);
    }
    if (end <= start) continue;
    ends[group] = end;
    open[depth++] = group;
    mark(start, group);
  }
  closeUntil(Number.POSITIVE_INFINITY);
  return { boundaries: boundaries.slice(0, count), owners: owners.slice(0, count) };
}

function findInTable(index: TableIndex, address: number): FoundSymbol | undefined {
  const { rows, first, boundaries, owners, last } = index;
  index.passed = upperBoundFrom(boundaries, address, index.passed);
  const group = index.passed === 0 ? -1 : owners[index.passed - 1];
  if (group < 0) return undefined;
  if (group === last?.group && address < last.end) return last.found;
  const { table, functions } = index;

  let best = -1;
  let name = "";
  const aliases: string[] = [];
  let namesRead = 0;
  // Up to here, the same symbols of the group reach.
  let sameUntil = Number.POSITIVE_INFINITY;
  for (let i = first[group]; i < first[group + 1] && namesRead <= MAX_ALIASES; i++) {
    const row = rows[i];
    // Beside symbols with a size, one without is taken to be as large as they are.
    if (table.sizes[row] > 0) {
      const end = functions.addresses[row] + table.sizes[row];
      if (address >= end) {
        sameUntil = Number.NEGATIVE_INFINITY;
        continue;
      }
      sameUntil = Math.min(sameUntil, end);
    }
    const candidate = table.name(row);
    namesRead++;
    if (candidate === "") continue;
    if (best < 0) {
      best = row;
      name = candidate;
    } else if (candidate !== name && !aliases.includes(candidate)) aliases.push(candidate);
  }
  if (best < 0) return undefined;
  const start = virtualAddress(functions.addresses[best]);
  const found = { name, address: start, size: table.sizes[best], aliases, source: table.source, file: index.file };
  index.last = { group, end: sameUntil, found };
  return found;
}

/** Columns of a table and of its index. */
const BYTES_A_ROW = 80;
/** Addresses that are few. */
const MAX_EXPECTED = 4096;
/** How often a table is searched before it is sorted: two passes take a tenth of the time. */
const MAX_PARTS = 4;
/** Identical code folding can give one address thousands of names. */
const MAX_ALIASES = 32;
