/**
 * A kernel module's file (`.ko`): is it the one that is loaded, and which place in it is a kernel address?
 *
 * It is relocatable (ET_REL): the kernel puts each of its sections where there is room. Where it did is told by
 * /sys/module/NAME/sections, and without that by kallsyms: a function's address less its offset in its section.
 *
 * The build ID decides whether it is the one, where it is known. A saved kallsyms does not have it. There, the file and
 * kallsyms must have the same functions, each at its place; a version with a function more would otherwise fit, all
 * moved by the same distance.
 */

import { type VirtualAddress, virtualAddress } from "../base/address.ts";
import { decodeText } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { SHF_EXECINSTR, STT_FUNC } from "../elf/constants.ts";
import { type ElfFile, layOutCode, readSymbols, type Section } from "../elf/index.ts";
import type { Kallsyms } from "../process/kallsyms.ts";

/** What is known of the module that the file must be. */
export type WantedKernelModule = {
  name: string;
  /** From a section's name to where it was loaded; empty when not known. */
  sections: ReadonlyMap<string, number>;
  buildId: string | undefined;
  srcversion: string | undefined;
};

/** Where the code sections of a module were loaded. */
export type ModulePlacement = {
  /** The address in the file's layout (`layOutCode`) of a kernel address; undefined when it is not in the module. */
  locate(address: number): VirtualAddress | undefined;
};

/**
 * Verifies a module's file and finds where it was loaded.
 *
 * @throws LeaklineError `mismatch` when it is another version, `not-found` when nothing tells where it was loaded.
 */
export function placeKernelModule(
  elf: ElfFile,
  wanted: WantedKernelModule,
  kallsyms: Kallsyms | undefined,
): ModulePlacement {
  checkVersion(elf, wanted);
  const layout = layOutCode(elf);
  if (!layout) throw new LeaklineError("malformed", `${elf.name}: a linked file, not a kernel module`);
  const functions = kallsyms?.functions(wanted.name, MAX_FUNCTIONS) ?? [];
  const definitions = findDefinitions(elf);

  const bases = new Map<Section, number>();
  for (const section of elf.sections) {
    const base = wanted.sections.get(section.name);
    if (base !== undefined && isLasting(section)) bases.set(section, base);
  }
  if (bases.size === 0) {
    for (const { name, address } of functions) {
      const [first, ...others] = definitions.get(name) ?? [];
      if (first && others.length === 0 && !bases.has(first.section)) bases.set(first.section, address - first.offset);
    }
  }
  if (bases.size === 0) throw new LeaklineError("not-found", `${elf.name}: where it was loaded is not known`);
  if (wanted.buildId === undefined) checkFunctions(elf, functions, definitions, bases);

  return {
    locate(address) {
      for (const [section, base] of bases) {
        const offset = address - base;
        if (offset >= 0 && offset < section.size) return virtualAddress(layout.base(section) + offset);
      }
      return undefined;
    },
  };
}

/** @throws LeaklineError `mismatch` when file and kernel differ in a function, or in the place of one. */
function checkFunctions(
  elf: ElfFile,
  functions: readonly { name: string; address: number }[],
  definitions: ReadonlyMap<string, readonly Definition[]>,
  bases: ReadonlyMap<Section, number>,
): void {
  const loaded = new Set<string>();
  for (const { name, address } of functions) {
    loaded.add(name);
    // A static name may stand for several functions, one of which must be this one.
    const places = definitions.get(name) ?? [];
    if (!places.some(({ section, offset }) => (bases.get(section) ?? Number.NaN) + offset === address))
      throw otherVersion(elf, `${name} is not where the kernel has it`);
  }
  for (const [name, [{ isFunction, section }]] of definitions)
    if (isFunction && bases.has(section) && !loaded.has(name))
      throw otherVersion(elf, `the module that is loaded has no ${name}`);
}

/** Code that stays: what is called `.init` is thrown away after loading, and its addresses may be another module's. */
function isLasting({ name, flags, size }: Section): boolean {
  return (flags & SHF_EXECINSTR) !== 0 && size > 0 && !name.startsWith(".init");
}

function checkVersion(elf: ElfFile, { name, buildId, srcversion }: WantedKernelModule): void {
  if (buildId !== undefined) {
    if (elf.buildId === buildId) return;
    throw otherVersion(elf, `it has build ID ${elf.buildId ?? "none"}, the module ${name} that is loaded ${buildId}`);
  }
  const own = srcversion === undefined ? undefined : moduleInfo(elf, "srcversion");
  if (own !== undefined && own !== srcversion)
    throw otherVersion(elf, `it has srcversion ${own}, the module ${name} that is loaded ${srcversion}`);
}

/** A value of `.modinfo`: strings `key=value`, each with a zero behind it (include/linux/moduleparam.h). */
function moduleInfo(elf: ElfFile, key: string): string | undefined {
  const data = elf.sectionData(".modinfo");
  if (!data || data.size > MAX_MODULE_INFO) return undefined;
  const entries = decodeText(data.read(0, data.size)).split("\0");
  return entries.find((entry) => entry.startsWith(`${key}=`))?.slice(key.length + 1);
}

type Definition = { section: Section; offset: number; isFunction: boolean };

/** From names to where the file defines them in code. */
function findDefinitions(elf: ElfFile): Map<string, Definition[]> {
  const symbols = readSymbols(elf, ".symtab");
  const found = new Map<string, Definition[]>();
  for (let row = 1; row < (symbols?.count ?? 0) && symbols; row++) {
    const section = elf.sections[symbols.sectionIndexes[row]];
    const name = section && isLasting(section) ? symbols.name(row) : "";
    if (name === "") continue;
    const definition = { section, offset: symbols.values[row], isFunction: symbols.type(row) === STT_FUNC };
    const definitions = found.get(name);
    if (definitions) definitions.push(definition);
    else found.set(name, [definition]);
  }
  return found;
}

function otherVersion(elf: ElfFile, what: string): LeaklineError {
  return new LeaklineError("mismatch", `${elf.name} is another version: ${what}`);
}

/** Large drivers have twenty thousand. */
const MAX_FUNCTIONS = 1 << 18;
const MAX_MODULE_INFO = 1 << 20;
