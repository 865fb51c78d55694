/**
 * C++ names as GCC, clang and everybody else on Linux mangles them: the Itanium C++ ABI, chapter 5.1 "External Names".
 * https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling
 *
 * The text is that of LLVM's demangler, to the space.
 */

import { INPUT } from "../input.ts";
import { LETTER_Z, UNDERSCORE } from "../letters.ts";
import { EncodingGrammar } from "./encoding-grammar.ts";
import { printTree } from "./printer.ts";

const MOST_UNDERSCORES: u32 = 4;

/**
 * Writes the C++ name that `_Z…` or `___Z…` (a block's function) stands for, each optionally with the extra underscore
 * of Mach-O.
 *
 * @param withParameters false: the name alone, without return type, parameters and what follows them.
 * @returns false when the name is not of this scheme.
 */
export function demangleItanium(length: u32, withParameters: bool): bool {
  let underscores: u32 = 0;
  while (underscores < MOST_UNDERSCORES && load<u8>(INPUT + underscores) === UNDERSCORE) underscores++;
  if (underscores === 0 || load<u8>(INPUT + underscores) !== LETTER_Z) return false;
  const grammar = new EncodingGrammar(INPUT + underscores + 1, INPUT + length);
  printTree(grammar.mangledName(underscores > 2, withParameters), length);
  return true;
}
