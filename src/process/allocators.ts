/**
 * Where a process's allocator functions are: every definition of malloc and its relatives in the files it has mapped,
 * as file offsets, which is what a probe is attached to.
 *
 * All definitions count, not only the one that the dynamic linker chose: a plug-in opened with RTLD_DEEPBIND, or the C
 * library itself, may call another. Symbols come from `.symtab` too: a statically linked malloc is not exported.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { decodeText } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, readSymbols, type SymbolSource, type SymbolTable, virtualToFileOffset } from "../elf/index.ts";
import {
  ALLOCATOR_SIGNATURES,
  type AllocatorFamily,
  FAMILY_MARKS,
  FAMILY_ORDER,
  OPERATOR,
  UNMISTAKABLE,
} from "./allocator-names.ts";
import type { CallSignature } from "./call-signature.ts";
import { MAX_ALLOCATOR_FUNCTIONS, MAX_VERSION_STRINGS, STB_LOCAL, STT_FUNC } from "./constants.ts";
import { Forwarding } from "./forwarding.ts";
import { readMaps } from "./live-maps.ts";
import type { Mapping } from "./maps.ts";
import { executableMappings, type LoadedModule, withModule } from "./modules.ts";

/** A function to probe. */
export type AllocatorFunction = {
  /** The first of `symbols`. */
  readonly name: string;
  /** All its symbols in this file, in the order of ALLOCATOR_SIGNATURES: `mmap64` is an alias of `mmap`. */
  readonly symbols: readonly string[];
  readonly signature: CallSignature;
  /**
   * Where it must be probed.
   *
   * - entry and return: whatever allocates, and a free that may call another free for the same memory.
   * - entry: any other free.
   * - none: it calls another function of an allocator, which counts the call.
   */
  readonly probes: "entry and return" | "entry" | "none";
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
  /** In the order of ALLOCATOR_SIGNATURES; at least one is probed. */
  readonly functions: readonly AllocatorFunction[];
};

/**
 * Finds all definitions of allocator functions: the executable's first, then those of allocators that replace the C
 * library's, then the C library's. A file that cannot be read is passed over; `executableMappings` says why.
 *
 * @throws LeaklineError as `readMaps`.
 */
export function findAllocatorLibraries(pid: number, mappings: readonly Mapping[] = readMaps(pid)): AllocatorLibrary[] {
  return allocatorsAmong(pid, executableMappings(pid, mappings));
}

/** The same among given modules of a process. */
export function allocatorsAmong(pid: number, modules: readonly LoadedModule[]): AllocatorLibrary[] {
  const libraries: AllocatorLibrary[] = [];
  for (const module of modules) {
    if (module.problem || module.openedAs === undefined) continue;
    try {
      const found = withModule(pid, module, inspect);
      if (found.functions.some(({ probes }) => probes !== "none")) libraries.push({ module, ...found });
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
    }
  }
  return libraries.sort((a, b) => rank(a) - rank(b));
}

function rank({ module, family }: AllocatorLibrary): number {
  return module.isExecutable ? -1 : FAMILY_ORDER.indexOf(family);
}

type Definition = {
  readonly symbol: string;
  readonly address: VirtualAddress;
  readonly fileOffset: FileOffset;
  readonly size: number;
};

function inspect(elf: ElfFile): Omit<AllocatorLibrary, "module"> {
  const definitions: Definition[] = [];
  const marks = new Set<string>();
  collect(elf, ".dynsym", definitions, marks);
  collect(elf, ".symtab", definitions, marks);
  const family = FAMILY_MARKS.find(([symbol]) => marks.has(symbol))?.[1] ?? "other";
  const version = family === "glibc" ? glibcVersion(elf) : undefined;
  return { family, version, functions: describeFunctions(elf, family, definitions) };
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
  for (const row of table.rowsNamed(NAMES)) {
    if (definitions.length >= MAX_ALLOCATOR_FUNCTIONS) return;
    // Not STT_GNU_IFUNC: its address is that of a function that chooses one.
    if (table.type(row) !== STT_FUNC || table.sectionIndexes[row] <= 0) continue;
    const symbol = table.name(row);
    if (table.bind(row) === STB_LOCAL && !UNMISTAKABLE.test(symbol)) continue;
    if (MARKS.has(symbol)) marks.add(symbol);
    if (!ALLOCATOR_SIGNATURES.has(symbol)) continue;
    const address = virtualAddress(table.values[row]);
    const fileOffset = virtualToFileOffset(elf.segments, address);
    if (fileOffset !== undefined) definitions.push({ symbol, address, fileOffset, size: table.sizes[row] });
  }
}

/** One function for each file offset, with all its symbols. */
function describeFunctions(
  elf: ElfFile,
  family: AllocatorFamily,
  definitions: readonly Definition[],
): AllocatorFunction[] {
  const aliases = new Map<FileOffset, Definition[]>();
  for (const definition of definitions.toSorted((a, b) => orderOf(a) - orderOf(b))) {
    const known = aliases.get(definition.fileOffset);
    if (known) known.push(definition);
    else aliases.set(definition.fileOffset, [definition]);
  }
  const callers = new ProbePlaces(elf, family, definitions);
  return [...aliases.values()].map((group) => {
    const { symbol: name, fileOffset, size } = group[0];
    const signature = ALLOCATOR_SIGNATURES.get(name)!;
    const symbols = [...new Set(group.map(({ symbol }) => symbol))];
    return { name, symbols, signature, probes: callers.probesOf(group[0], signature), fileOffset, size };
  });
}

/** Decides where the functions of one file are probed. */
class ProbePlaces {
  private readonly forwarding: Forwarding;
  /** Is `operator new` in this file part of an allocator? Otherwise it may call malloc, and `operator delete` free. */
  private readonly hasOwnOperators: boolean;

  constructor(elf: ElfFile, family: AllocatorFamily, definitions: readonly Definition[]) {
    this.forwarding = new Forwarding(elf, new Map(definitions.map(({ address, symbol }) => [address, symbol])));
    const isAllocation = (symbol: string): boolean =>
      ALLOCATOR_SIGNATURES.get(symbol)?.operation === "allocate" && !OPERATOR.test(symbol);
    // A static program has the C library's malloc and the C++ library's operators, which know nothing of each other.
    const isLibc = family === "glibc" || family === "musl";
    this.hasOwnOperators = !isLibc && definitions.some(({ symbol }) => isAllocation(symbol));
  }

  probesOf(code: Definition, signature: CallSignature): AllocatorFunction["probes"] {
    const target = this.forwarding.target(code);
    if (target !== undefined && isSame(signature, ALLOCATOR_SIGNATURES.get(target))) return "none";
    const { operation } = signature;
    const isRelease = operation === "free" || operation === "unmap";
    const mayCallOn = isRelease || (OPERATOR.test(code.symbol) && !this.hasOwnOperators);
    const callsOn = mayCallOn && this.callsOther(code, operation);
    if (OPERATOR.test(code.symbol) && !this.hasOwnOperators) return callsOn ? "none" : "entry and return";
    return isRelease && !callsOn ? "entry" : "entry and return";
  }

  private callsOther(code: Definition, operation: CallSignature["operation"]): boolean {
    return [...this.forwarding.callees(code)].some(
      (callee) => callee !== code.symbol && ALLOCATOR_SIGNATURES.get(callee)?.operation === operation,
    );
  }
}

function isSame(a: CallSignature, b: CallSignature | undefined): boolean {
  return b !== undefined && (Object.keys(a) as (keyof CallSignature)[]).every((role) => a[role] === b[role]);
}

function orderOf({ symbol }: Definition): number {
  return ORDER.get(symbol)!;
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

const ORDER = new Map([...ALLOCATOR_SIGNATURES.keys()].map((name, index) => [name, index]));
const MARKS = new Set(FAMILY_MARKS.map(([symbol]) => symbol));
const NAMES = new Set([...ORDER.keys(), ...MARKS]);
