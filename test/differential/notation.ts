/**
 * Different notations for the same answer. Everything that is not listed here counts as a difference.
 *
 * | what                                  | why it is only notation                                                   |
 * |---------------------------------------|---------------------------------------------------------------------------|
 * | names mangled or not                  | both sides are demangled by the same function, which is measured on its own |
 * | `a/../b`, `./`, `//` in a path        | the same file; what the compiler recorded is printed as it is by some, folded by others |
 * | a relative compilation directory twice | version 5 has it as directory 0 and as DW_AT_comp_dir: `./malloc/./malloc/malloc.c` (GNU, elfutils) |
 * | `f.part.0`, `f.cold`, `f.lto_priv.0` for `f` | the symbol that GCC made of `f`: GNU and elfutils print the DWARF's name |
 * | `f@GLIBC_2.2.5` for `f`               | a symbol's version, which llvm-symbolizer prints                          |
 * | no file behind line 0                 | llvm-symbolizer and GNU print `??` where elfutils prints the file: no line, either way |
 */

import { demangle } from "../../src/demangle/index.ts";
import type { Answer, PlainFrame } from "./answer.ts";

export function sameAnswer(ours: Answer, theirs: Answer): boolean {
  return ours.length === theirs.length && ours.every((frame, i) => sameFrame(frame, theirs[i]));
}

export function sameFrame(ours: PlainFrame, theirs: PlainFrame): boolean {
  return sameName(ours, theirs) && samePlace(ours, theirs);
}

export function sameName(ours: PlainFrame, theirs: PlainFrame): boolean {
  if (ours.name === theirs.name) return true;
  const a = plainName(ours.name);
  const b = plainName(theirs.name);
  return a === b || a.replace(SUFFIX, "") === b || a === b.replace(SUFFIX, "");
}

/** What GCC and clang append to the name of a function that they split, copied or made local; demangled `f() (.cold)`. */
const SUFFIX = / ?\(?(\.(cold|part|isra|constprop|lto_priv|localalias|llvm|actor|destroy|resume)(\.\d+)*)+\)?$/;

export function samePlace(ours: PlainFrame, theirs: PlainFrame): boolean {
  return ours.line === theirs.line && (ours.line === 0 || samePath(ours.file, theirs.file));
}

export function samePath(ours: string, theirs: string): boolean {
  if (ours === theirs) return true;
  const a = plainPath(ours);
  const b = plainPath(theirs);
  return a === b || isRepeated(a, b);
}

const names = new Map<string, string>();

export function plainName(name: string): string {
  let plain = names.get(name);
  if (plain === undefined) {
    plain = demangle(name.replace(/@.*$/, "")) + (name.endsWith("@plt") ? "@plt" : "");
    if (names.size > 100_000) names.clear();
    names.set(name, plain);
  }
  return plain;
}

/** Without `.`, `..` and empty parts. */
export function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts[parts.length - 1] !== "..") parts.pop();
    else parts.push(part);
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}

/** `malloc/malloc/x.c` for `malloc/x.c`. */
function isRepeated(ours: string, theirs: string): boolean {
  const directory = theirs.slice(0, Math.max(0, theirs.length - ours.length));
  return directory !== "" && !ours.startsWith("/") && theirs === directory + ours && ours.startsWith(directory);
}
