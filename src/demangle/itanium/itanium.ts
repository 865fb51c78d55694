/**
 * C++ names as GCC, clang and everybody else on Linux mangles them: the Itanium C++ ABI, chapter 5.1 "External Names".
 * https://itanium-cxx-abi.github.io/cxx-abi/abi.html#mangling
 *
 * The text is that of LLVM's demangler, to the space.
 */

import { FAILURE } from "../limits.ts";
import { EncodingGrammar } from "./encoding-grammar.ts";
import { printTree } from "./printer.ts";

/**
 * The C++ name that `mangled` stands for.
 *
 * @param mangled `_Z…` or `___Z…` (a block's function), each optionally with the extra underscore of Mach-O; one
 *   character per byte.
 * @param withParameters false: the name alone, without return type, parameters and what follows them.
 * @returns undefined when the name is not of this scheme, breaks its grammar, or exceeds a limit.
 */
export function demangleItanium(mangled: string, withParameters: boolean): string | undefined {
  const letter = mangled.indexOf("Z");
  if (letter < 1 || letter > 4 || !"____".startsWith(mangled.slice(0, letter))) return undefined;
  try {
    const tree = new EncodingGrammar(mangled, letter + 1).mangledName(letter > 2, withParameters);
    return printTree(tree, mangled.length);
  } catch (error) {
    if (error === FAILURE) return undefined;
    throw error;
  }
}
