/**
 * Finds the functions that a user named (user-allocator.ts) in the files that a process has mapped.
 *
 * A probe on the wrong address breaks the process, so only the first instruction of a function will do, known by a
 * symbol of any kind, static ones included, or by the unwind table. And the account must not silently be that of
 * another function: a name that stands for several is refused, with what they are and how to choose.
 */

import { type FileOffset, hex, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, findBounds, functionBounds, readSymbols, type SymbolTable } from "../elf/index.ts";
import type { AllocatorFunction, AllocatorLibrary } from "./allocators.ts";
import { PF_X, PT_LOAD, STB_LOCAL, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE } from "./constants.ts";
import { mayThrow } from "./exceptions.ts";
import { type LoadedModule, withModule } from "./modules.ts";
import { nearNames } from "./near-names.ts";
import type { UserFunction } from "./user-allocator.ts";

/** A function that has a name of the user's. */
export type NamedFunction = {
  readonly module: LoadedModule;
  /** As in the symbol table; empty for an address that no symbol has. */
  readonly symbol: string;
  readonly address: VirtualAddress;
  readonly fileOffset: FileOffset;
  /** In bytes; 0 when unknown. */
  readonly size: number;
  readonly isStatic: boolean;
  /** The symbol is that of a function that chooses one (`STT_GNU_IFUNC`). */
  readonly chooses: boolean;
};

/** A user's function and where it is: once, or with file `*` as often as it was found. */
export type FoundFunction = NamedFunction & { readonly described: UserFunction };

/** `demangle` of demangle/, which is handed in: layers on one row do not import each other. */
export type Demangle = (symbol: string, options?: { readonly parameters?: boolean }) => string;

/**
 * Finds each of `functions`.
 *
 * @param modules as `executableMappings` gives them.
 * @throws LeaklineError `not-found` with similar names, `usage` with the candidates when there are several, `unsupported`
 *   for one that chooses among implementations, `refused` for one that an exception could leave.
 */
export function findUserFunctions(
  pid: number,
  modules: readonly LoadedModule[],
  functions: readonly UserFunction[],
  demangle: Demangle,
): FoundFunction[] {
  if (functions.length === 0) return [];
  const found = new Map(functions.map((described) => [described, [] as NamedFunction[]]));
  for (const module of modules) {
    const here = functions.filter(({ file }) => file === undefined || isNamed(module, file));
    if (here.length === 0 || module.problem || module.openedAs === undefined) continue;
    try {
      withModule(pid, module, (elf) => searchFile(elf, module, here, found, demangle));
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
    }
  }
  const decided = functions.flatMap((described) =>
    decide(pid, modules, described, found.get(described)!, demangle).map((place) => ({ ...place, described })),
  );
  for (const place of decided) if (!place.described.isNoexcept) refuseThrowing(pid, place);
  return decided;
}

/** See exceptions.ts. */
function refuseThrowing(pid: number, { module, described: { given } }: FoundFunction): void {
  if (!withModule(pid, module, (elf) => mayThrow(elf, symbolTables(elf)))) return;
  const message = `${given} is not traced: ${module.path} has C++ or Rust code, and an exception that leaves a traced function ends the program`;
  const hint = "if none ever leaves it, say so by a last word: 'pool_alloc(_, size) noexcept'";
  throw new LeaklineError("refused", message, { hint });
}

/** By path, by its last part, or by the part before its version: `libpool.so` for `libpool.so.3`. */
function isNamed({ path }: LoadedModule, file: string): boolean {
  const last = path.slice(path.lastIndexOf("/") + 1);
  return file === "*" || path === file || last === file || last.startsWith(`${file}.`);
}

function searchFile(
  elf: ElfFile,
  module: LoadedModule,
  functions: readonly UserFunction[],
  found: ReadonlyMap<UserFunction, NamedFunction[]>,
  demangle: Demangle,
): void {
  const tables = symbolTables(elf);
  const byName = new Map<string, UserFunction[]>();
  for (const described of functions) byName.set(described.name, [...(byName.get(described.name) ?? []), described]);
  for (const table of tables)
    for (const row of table.rowsNamed(new Set(byName.keys()))) {
      const place = functionAt(elf, module, table, row);
      if (place) for (const described of byName.get(table.name(row)) ?? []) found.get(described)!.push(place);
    }
  for (const described of functions) {
    const places = found.get(described)!;
    // A symbol's own name is exact; only where no file has it, it is one from source code. See `decide`.
    const address = /^0x([0-9a-f]{1,15})$/i.exec(described.name);
    if (address) places.push(...functionsAtAddress(elf, module, tables, Number(described.name)));
    else for (const table of tables) places.push(...sourceNamed(elf, module, table, described.name, demangle));
  }
}

/** Functions whose demangled name, without parameters, is `name`. */
function sourceNamed(
  elf: ElfFile,
  module: LoadedModule,
  table: SymbolTable,
  name: string,
  demangle: Demangle,
): NamedFunction[] {
  const part = mangledPart(name);
  const places: NamedFunction[] = [];
  table.forEachName((row, symbol) => {
    if (!symbol.startsWith("_") || symbol === name || !symbol.includes(part)) return;
    if (demangle(symbol, NO_PARAMETERS) !== name) return;
    const place = functionAt(elf, module, table, row);
    if (place) places.push(place);
  });
  return places;
}

const NO_PARAMETERS = { parameters: false } as const;

/** What every mangled form of the name holds: its last identifier outside of template arguments, or "". */
function mangledPart(name: string): string {
  const plain = name.replace(/<.*>/g, "").replace(/\(anonymous namespace\)/g, "");
  const identifiers = plain.match(/[A-Za-z_]\w*/g) ?? [];
  return (
    identifiers
      .filter((word) => !/^(operator|new|delete|std|allocator|basic_\w+|\w*string|\w*stream)$/.test(word))
      .at(-1) ?? ""
  );
}

function functionsAtAddress(
  elf: ElfFile,
  module: LoadedModule,
  tables: readonly SymbolTable[],
  address: number,
): NamedFunction[] {
  for (const table of tables)
    for (let row = 1; row < table.count; row++) {
      if (table.values[row] !== address) continue;
      const place = functionAt(elf, module, table, row);
      if (place) return [place];
    }
  const bounds = findBounds(functionBounds(elf), address);
  const fileOffset = codeOffset(elf, virtualAddress(address));
  if (bounds?.start !== address || fileOffset === undefined) return [];
  const size = bounds.end - bounds.start;
  return [{ module, symbol: "", address: virtualAddress(address), fileOffset, size, isStatic: true, chooses: false }];
}

/** The row as a function; undefined when it is none, not defined here, or not in code. */
function functionAt(elf: ElfFile, module: LoadedModule, table: SymbolTable, row: number): NamedFunction | undefined {
  const type = table.type(row);
  if (type !== STT_FUNC && type !== STT_GNU_IFUNC && type !== STT_NOTYPE) return undefined;
  if (table.sectionIndexes[row] <= 0) return undefined;
  const address = virtualAddress(table.values[row]);
  const fileOffset = codeOffset(elf, address);
  if (fileOffset === undefined) return undefined;
  const isStatic = table.bind(row) === STB_LOCAL;
  const chooses = type === STT_GNU_IFUNC;
  return { module, symbol: table.name(row), address, fileOffset, size: table.sizes[row], isStatic, chooses };
}

function codeOffset({ segments }: ElfFile, address: VirtualAddress): FileOffset | undefined {
  const code = segments.find(
    (load) =>
      load.type === PT_LOAD && load.flags & PF_X && address >= load.address && address - load.address < load.fileSize,
  );
  return code && ((address - code.address + code.offset) as FileOffset);
}

/** `.symtab` first: it has all, and its sizes are as good. A damaged table has none. */
function symbolTables(elf: ElfFile): SymbolTable[] {
  return ([".symtab", ".dynsym"] as const).flatMap((source) => {
    try {
      return readSymbols(elf, source) ?? [];
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return [];
    }
  });
}

/** The one function that was meant, or all of them for file `*`. */
function decide(
  pid: number,
  modules: readonly LoadedModule[],
  described: UserFunction,
  places: readonly NamedFunction[],
  demangle: Demangle,
): NamedFunction[] {
  const exact = places.filter(({ symbol }) => symbol === described.name);
  const candidates = oneEach(exact.length > 0 ? exact : places);
  if (candidates.length === 0) throw notFound(pid, modules, described, demangle);
  if (candidates.length > 1 && described.file !== "*") throw ambiguous(described, candidates, demangle);
  const choosing = candidates.find(({ chooses }) => chooses);
  if (choosing) {
    const message = `${described.given}: ${choosing.symbol} in ${choosing.module.path} only chooses an implementation (IFUNC)`;
    throw new LeaklineError("unsupported", message, { hint: "name the implementation that it chooses" });
  }
  return candidates;
}

/** Without a second symbol for the same code. */
function oneEach(places: readonly NamedFunction[]): NamedFunction[] {
  const known = new Map<string, NamedFunction>();
  for (const place of places) {
    const key = `${place.fileOffset} ${place.module.path}`;
    if (!known.has(key)) known.set(key, place);
  }
  return [...known.values()];
}

function ambiguous(
  { given, name }: UserFunction,
  candidates: readonly NamedFunction[],
  demangle: Demangle,
): LeaklineError {
  const inOrder = candidates.toSorted((a, b) => (a.module === b.module ? a.address - b.address : 0));
  const shown = inOrder.slice(0, MAX_SHOWN).map((place) => {
    const what = place.symbol === name ? "" : ` ${demangle(place.symbol)}`;
    return `${place.module.path}:0x${hex(place.address)}${what}${place.isStatic ? " (static)" : ""}`;
  });
  const more = candidates.length > MAX_SHOWN ? ` and ${candidates.length - MAX_SHOWN} more` : "";
  const message = `${given}: ${candidates.length} functions have this name: ${shown.join(", ")}${more}`;
  const hint = "choose one by FILE:NAME or FILE:0xADDRESS, or all by *:NAME";
  return new LeaklineError("usage", message, { hint });
}

function notFound(
  pid: number,
  modules: readonly LoadedModule[],
  { given, file, name }: UserFunction,
  demangle: Demangle,
): LeaklineError {
  const searched = modules.filter((module) => file === undefined || isNamed(module, file));
  if (searched.length === 0) {
    const hint = `mapped are ${modules
      .slice(0, MAX_SHOWN)
      .map(({ path }) => path)
      .join(", ")}`;
    return new LeaklineError("not-found", `${given}: process ${pid} has not mapped a file ${file}`, { hint });
  }
  const broken = searched.find(({ problem }) => problem)?.problem;
  if (searched.length === 1 && broken)
    return new LeaklineError("not-found", `${given}: ${broken.message}`, { cause: broken, hint: broken.hint });
  if (name.startsWith("0x")) {
    const message = `${given}: no function starts there in ${searched[0].path}`;
    return new LeaklineError("not-found", message, { hint: "addresses are as nm prints them" });
  }
  const near = nearNames(
    name,
    searched.flatMap((module) => functionNames(pid, module, demangle)),
    MAX_NEAR,
  );
  const where =
    file === undefined ? `any of its ${searched.length} files` : searched.map(({ path }) => path).join(", ");
  const message = `${given}: no function of this name in ${where}`;
  const reasons = "a stripped file has no static functions, and an inlined one is nowhere";
  return new LeaklineError("not-found", message, { hint: near.length > 0 ? `similar: ${near.join(", ")}` : reasons });
}

/** Names from source code of all functions in a file. */
function functionNames(pid: number, module: LoadedModule, demangle: Demangle): string[] {
  if (module.problem || module.openedAs === undefined) return [];
  const names = new Set<string>();
  try {
    withModule(pid, module, (elf) => {
      for (const table of symbolTables(elf))
        table.forEachName((row, symbol) => {
          if (names.size < MAX_NAMES && functionAt(elf, module, table, row)) names.add(demangle(symbol, NO_PARAMETERS));
        });
    });
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
  }
  return [...names];
}

function isSameFile(a: LoadedModule, b: LoadedModule): boolean {
  return a.path === b.path && a.mappings[0].inode === b.mappings[0].inode;
}

/**
 * The libraries with the user's functions in them. Where a known function has been described anew, the description
 * counts.
 */
export function withUserFunctions(
  libraries: readonly AllocatorLibrary[],
  found: readonly FoundFunction[],
): AllocatorLibrary[] {
  const result = [...libraries];
  for (const { module, symbol, described, fileOffset, size } of found) {
    const { name, signature } = described;
    // What it calls inside, malloc and free among others, is part of it: so its return is seen, whatever it does.
    const own: AllocatorFunction = {
      name: symbol || name,
      symbols: [symbol || name],
      signature,
      probes: "entry and return",
      fileOffset,
      size,
    };
    const at = result.findIndex((library) => isSameFile(library.module, module));
    if (at < 0) result.push({ module, family: "other", version: undefined, functions: [own] });
    else {
      const others = result[at].functions.filter((known) => known.fileOffset !== fileOffset);
      result[at] = { ...result[at], functions: [...others, own] };
    }
  }
  return result;
}

/** Candidates and similar names in a message. */
const MAX_SHOWN = 8;
const MAX_NEAR = 5;
/** Names that are compared to find similar ones, in one file. */
const MAX_NAMES = 200_000;
