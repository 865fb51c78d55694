/**
 * Can an exception leave a function of this file?
 *
 * It must not while the function's return is probed: the return address on the stack is then that of a trampoline, which
 * no unwinder knows, and the program ends. That a function throws cannot be seen from outside; that a file has nothing
 * to do with exceptions can.
 */

import type { ElfFile, SymbolTable } from "../elf/index.ts";

/** What C++ and Rust code refers to or brings along. Source: Itanium C++ ABI, Exception Handling, levels I and II. */
const UNWINDING = new Set([
  "_Unwind_Resume",
  "_Unwind_RaiseException",
  "__cxa_throw",
  "__gxx_personality_v0",
  "rust_eh_personality",
]);

/**
 * @param tables all that the file has: a dynamic one tells what it calls in others.
 * @returns false only when nothing hints at it.
 */
export function mayThrow(elf: ElfFile, tables: readonly SymbolTable[]): boolean {
  if (elf.sections.some(({ name }) => name === ".gcc_except_table")) return true;
  return tables.some((table) => {
    if (table.rowsNamed(UNWINDING).length > 0) return true;
    let callsCpp = false;
    table.forEachName((row, symbol) => {
      callsCpp ||= symbol.startsWith("_Z") && table.sectionIndexes[row] === 0;
    });
    return callsCpp;
  });
}
