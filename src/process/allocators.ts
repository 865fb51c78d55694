/**
 * Where a process's allocator functions are: every definition of malloc and its relatives in the files it has mapped,
 * as file offsets, which is what a probe is attached to.
 *
 * All definitions count, not only the one that the dynamic linker chose: a plug-in opened with RTLD_DEEPBIND, or the C
 * library itself, may call another. The executable's symbols come from `.symtab` too, because a statically linked
 * malloc is not exported; a library's come from `.dynsym` alone.
 */

import { type FileOffset, virtualAddress } from "../base/address.ts";
import { decodeText } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, readSymbols, type SymbolSource, type SymbolTable, virtualToFileOffset } from "../elf/index.ts";
import { ALLOCATOR_FUNCTIONS, type AllocatorFamily, FAMILY_MARKS, FAMILY_ORDER, PREFIX } from "./allocator-names.ts";
import { MAX_ALLOCATOR_FUNCTIONS, MAX_VERSION_STRINGS, STB_LOCAL, STT_FUNC } from "./constants.ts";
import { readMaps } from "./live-maps.ts";
import type { Mapping } from "./maps.ts";
import { executableMappings, type LoadedModule, withModule } from "./modules.ts";

/** A function to probe. */
export type AllocatorFunction = {
  /** Which one it is, by its C name: one of ALLOCATOR_FUNCTIONS. */
  readonly name: string;
  /** All its symbols in this file, that of `name` first: `mmap64` is an alias of `mmap`, `je_malloc` of `malloc`. */
  readonly symbols: readonly string[];
  /** Its first instruction. */
  readonly fileOffset: FileOffset;
  /** In bytes; 0 when unknown. */
  readonly size: number;
};

/** A mapped file that defines some. */
export type AllocatorLibrary = {
  readonly module: LoadedModule;
  readonly family: AllocatorFamily;
  /** Of glibc only: "2.36". */
  readonly version: string | undefined;
  /** In the order of ALLOCATOR_FUNCTIONS; at least one. */
  readonly functions: readonly AllocatorFunction[];
};

/**
 * Finds all definitions of allocator functions: the executable's first, then those of allocators that replace the C
 * library's, then the C library's. A file that cannot be read is passed over; `executableMappings` says why.
 *
 * @throws LeaklineError as `readMaps`.
 */
export function findAllocatorLibraries(pid: number, mappings: readonly Mapping[] = readMaps(pid)): AllocatorLibrary[] {
  const libraries: AllocatorLibrary[] = [];
  for (const module of executableMappings(pid, mappings)) {
    if (module.problem || module.openedAs === undefined) continue;
    try {
      const found = withModule(pid, module.mappings[0], (elf) => inspect(elf, module.isExecutable));
      if (found.functions.length > 0) libraries.push({ module, ...found });
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
    }
  }
  return libraries.sort((a, b) => rank(a) - rank(b));
}

function rank({ module, family }: AllocatorLibrary): number {
  return module.isExecutable ? -1 : FAMILY_ORDER.indexOf(family);
}

type Definition = Omit<AllocatorFunction, "symbols"> & { readonly symbol: string };

function inspect(elf: ElfFile, isExecutable: boolean): Omit<AllocatorLibrary, "module"> {
  const definitions: Definition[] = [];
  const marks = new Set<string>();
  collect(elf, ".dynsym", definitions, marks);
  if (isExecutable) collect(elf, ".symtab", definitions, marks);
  const family = FAMILY_MARKS.find(([symbol]) => marks.has(symbol))?.[1] ?? "other";
  return { family, version: family === "glibc" ? glibcVersion(elf) : undefined, functions: mergeAliases(definitions) };
}

/** Gathers the definitions and family marks of one symbol table. A damaged table has none. */
function collect(elf: ElfFile, source: SymbolSource, definitions: Definition[], marks: Set<string>): void {
  let table: SymbolTable | undefined;
  try {
    table = readSymbols(elf, source);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
  }
  if (!table) return;
  for (let row = 1; row < table.count && definitions.length < MAX_ALLOCATOR_FUNCTIONS; row++) {
    // Not STT_GNU_IFUNC: its address is that of a function that chooses one.
    if (table.type(row) !== STT_FUNC || table.bind(row) === STB_LOCAL || table.sectionIndexes[row] <= 0) continue;
    const symbol = table.name(row);
    if (MARKS.has(symbol)) marks.add(symbol);
    const name = symbol.replace(PREFIX, "");
    if (!ORDER.has(name)) continue;
    const fileOffset = virtualToFileOffset(elf.segments, virtualAddress(table.values[row]));
    if (fileOffset !== undefined) definitions.push({ name, symbol, fileOffset, size: table.sizes[row] });
  }
}

/** One function for each file offset, with all its symbols. */
function mergeAliases(definitions: readonly Definition[]): AllocatorFunction[] {
  const functions = new Map<FileOffset, Definition & { symbols: string[] }>();
  for (const definition of definitions.toSorted((a, b) => orderOf(a) - orderOf(b))) {
    const { symbol, fileOffset } = definition;
    const known = functions.get(fileOffset);
    if (!known) functions.set(fileOffset, { ...definition, symbols: [symbol] });
    else if (!known.symbols.includes(symbol)) known.symbols.push(symbol);
  }
  return [...functions.values()].map(({ name, symbols, fileOffset, size }) => ({ name, symbols, fileOffset, size }));
}

/** By name; among symbols of one function the plain name precedes `je_malloc`. */
function orderOf({ name, symbol }: Definition): number {
  return ORDER.get(name)! + (symbol === name ? 0 : 0.5);
}

/** The highest version that glibc offers its symbols by. */
function glibcVersion(elf: ElfFile): string | undefined {
  try {
    const strings = elf.sectionData(".dynstr");
    if (!strings || strings.size > MAX_VERSION_STRINGS) return undefined;
    const minors = decodeText(strings.read(0, strings.size)).matchAll(/\0GLIBC_2\.(\d{1,3})(?=[.\0])/g);
    const highest = Math.max(...Array.from(minors, (match) => Number(match[1])));
    return highest >= 0 ? `2.${highest}` : undefined;
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return undefined;
  }
}

const ORDER = new Map(ALLOCATOR_FUNCTIONS.map((name, index) => [name, index]));
const MARKS = new Set(FAMILY_MARKS.map(([symbol]) => symbol));
