/**
 * What the function at an address is called, and where it begins: one answer out of what the symbol table, the debug
 * information, the PLT and the unwind tables say.
 *
 * Whatever is chosen, symbol + offset is the address that was asked for.
 *
 * The symbol table and the debug information nearly always agree. When they do not, the debug information is right
 * about the function (a label inside it is not one), and the symbol table about a part of it that was moved elsewhere
 * (`f.cold`): there the function's own entry would be far away. Of several symbols at one address (aliases, identical
 * code that the linker folded), the one that the debug information names is taken, and the others are listed.
 */

import type { VirtualAddress } from "../base/address.ts";
import type { FunctionAt } from "../dwarf/index.ts";
import type { FoundSymbol } from "../elf/index.ts";

/** Names are as the files have them: not demangled. */
export type FunctionName = {
  name: string;
  start: VirtualAddress;
  /** Bytes, 0 when nothing states it. */
  size: number;
  /** Other names of the same place. */
  others: readonly string[];
  /** Which file, and which table in it. */
  source: string;
};

/**
 * @param code the function that the debug information has at the address that was looked up.
 * @param debugFile the file with that debug information.
 * @param symbol likewise.
 */
export function chooseName(
  code: FunctionAt | undefined,
  debugFile: string,
  symbol: FoundSymbol | undefined,
): FunctionName | undefined {
  const name = code?.name;
  const range = code?.range;
  // Nearly always, both say the same.
  if (
    symbol &&
    name === symbol.name &&
    symbol.aliases.length === 0 &&
    symbol.address === range?.begin &&
    !name.includes("@")
  ) {
    const size = symbol.size > 0 ? symbol.size : range.end - symbol.address;
    return { name, start: symbol.address, size, others: NO_OTHERS, source: `${symbol.file} ${symbol.source}` };
  }
  const names = symbol ? [symbol.name, ...symbol.aliases].map(withoutVersion) : [];
  if (symbol && (name === undefined || symbol.address === range?.begin || hasPart(names, name))) {
    const best = sourceName(names, name) ?? code?.linkageName ?? names[0];
    const others = names.filter((other) => other !== best);
    const size = symbol.size > 0 ? symbol.size : range ? range.end - symbol.address : 0;
    return { name: best, start: symbol.address, size, others, source: `${symbol.file} ${symbol.source}` };
  }
  if (!code || name === undefined) return undefined;
  const start = range?.begin ?? code.entry;
  const size = range ? range.end - range.begin : code.size;
  return { name, start, size, others: NO_OTHERS, source: `${debugFile} .debug_info` };
}

const NO_OTHERS: readonly string[] = [];

/** Other names than the one that is shown, demangled, each once. */
export function aliasesOf({ name, others }: FunctionName, demangle: (name: string) => string): string[] {
  if (others.length === 0) return [];
  const aliases = new Set(others.map((other) => demangle(other)));
  aliases.delete(demangle(name));
  return [...aliases];
}

/** A PLT stub's name, with the function's part of it demangled: `operator new(unsigned long)@plt`. */
export function demangleStub(name: string, demangle: (name: string) => string): string {
  const at = name.lastIndexOf("@");
  return demangle(name.slice(0, at)) + name.slice(at);
}

/** Older linkers write the version into `.symtab` too: `memcpy@@GLIBC_2.14`. */
function withoutVersion(name: string): string {
  const at = name.indexOf("@", 1);
  return at < 0 ? name : name.slice(0, at);
}

/**
 * The name that the debug information means: the same, or that of a part of it. Among folded functions it may be missing,
 * for not all of them are listed.
 */
function sourceName(names: readonly string[], name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  return names.includes(name) ? name : names.find((candidate) => candidate.startsWith(`${name}.`));
}

/** `f.cold`, `f.part.0`, … are parts of `f`. */
function hasPart(names: readonly string[], name: string): boolean {
  return names.some((candidate) => candidate.startsWith(`${name}.`));
}
