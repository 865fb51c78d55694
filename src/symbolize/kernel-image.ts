/**
 * The kernel's own ELF file, `vmlinux`: is it the kernel that is meant, and how far from its virtual addresses was it
 * loaded (KASLR)?
 *
 * The build ID decides, where it is known. A saved kallsyms does not have it, so there its functions decide: each must
 * be in vmlinux, by name, at its address less the offset. One that is not tells that vmlinux is of another build.
 */

import { hex, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { SHF_EXECINSTR, STB_GLOBAL, STT_NOTYPE } from "../elf/constants.ts";
import { type ElfFile, readSymbols, type SymbolTable } from "../elf/index.ts";
import type { Kallsyms } from "../process/kallsyms.ts";

/** What is known of the kernel that vmlinux must be. */
export type WantedKernel = {
  /** Lower-case hexadecimal. */
  buildId: string | undefined;
  kallsyms: Kallsyms | undefined;
  /** Absolute less virtual address, when the user states it. */
  kaslrOffset: number | undefined;
};

/**
 * Verifies a vmlinux.
 *
 * @returns the KASLR offset: what its virtual addresses were moved by.
 * @throws LeaklineError `mismatch` when it is another kernel's, `not-found` when the offset cannot be told.
 */
export function placeKernelImage(elf: ElfFile, wanted: WantedKernel): number {
  const { buildId, kallsyms } = wanted;
  if (buildId !== undefined && elf.buildId !== buildId) {
    throw new LeaklineError("mismatch", `${elf.name} has build ID ${elf.buildId ?? "none"}, the kernel ${buildId}`, {
      hint: "install the debug package of the kernel that runs; for another kernel's addresses give its --kallsyms too",
    });
  }
  const symbols = readSymbols(elf, ".symtab");
  if (!symbols) throw new LeaklineError("not-found", `${elf.name}: has no symbol table`);
  const offset = wanted.kaslrOffset ?? findOffset(elf, symbols, kallsyms);
  if (kallsyms && buildId === undefined) checkFunctions(elf, symbols, kallsyms, offset);
  return offset;
}

/** The linker script of every architecture defines one of them at the beginning of the code. */
const ANCHORS = ["_stext", "_text"];

function findOffset(elf: ElfFile, symbols: SymbolTable, kallsyms: Kallsyms | undefined): number {
  if (!kallsyms) {
    throw new LeaklineError("not-found", "where the kernel was loaded is not known without its symbols (kallsyms)", {
      hint: "give --kallsyms FILE or --kaslr-offset OFFSET",
    });
  }
  for (const anchor of ANCHORS) {
    const loaded = kallsyms.addressOf(anchor);
    if (loaded === undefined) continue;
    for (let row = 1; row < symbols.count; row++) {
      if (symbols.type(row) !== STT_NOTYPE || symbols.bind(row) !== STB_GLOBAL) continue;
      if (symbols.name(row) === anchor) return loaded - symbols.values[row];
    }
  }
  throw new LeaklineError("mismatch", `neither ${ANCHORS.join(" nor ")} is in both ${elf.name} and ${kallsyms.file}`);
}

/** @throws LeaklineError `mismatch` when a function of the running kernel is not at its place in the file. */
function checkFunctions(elf: ElfFile, symbols: SymbolTable, kallsyms: Kallsyms, offset: number): void {
  const functions = kallsyms.functions(undefined, MAX_FUNCTIONS);
  const namesAt = new Map<number, string[]>(functions.map(({ address }) => [address - offset, []]));
  for (let row = 1; row < symbols.count; row++) namesAt.get(symbols.values[row])?.push(symbols.name(row));
  let matches = 0;
  for (const { name, address } of functions) {
    const virtual = virtualAddress(address - offset);
    if (namesAt.get(virtual)?.includes(name)) matches++;
    // What is in no code section of the file says nothing: a label at the end of one, code that was added at boot.
    else if (isCode(elf, virtual))
      throw otherKernel(elf, `${name} is at 0x${hex(address)} in ${kallsyms.file}`, offset);
  }
  if (matches === 0) throw otherKernel(elf, `it has no function of ${kallsyms.file}`, offset);
}

function isCode(elf: ElfFile, address: VirtualAddress): boolean {
  return elf.sections.some((s) => s.flags & SHF_EXECINSTR && address >= s.address && address - s.address < s.size);
}

function otherKernel(elf: ElfFile, what: string, offset: number): LeaklineError {
  const message = `${elf.name} is of another kernel, or moved by another offset than 0x${hex(offset)}: ${what}`;
  return new LeaklineError("mismatch", message, { hint: "give the vmlinux that was built together with that kernel" });
}

/** All of them: of two builds that differ in one place, only the functions behind it have moved. Kernels have 60,000. */
const MAX_FUNCTIONS = 1 << 20;
