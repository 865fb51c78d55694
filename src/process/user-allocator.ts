/**
 * What `--alloc` and `--free` say: a function of the program's own allocator, written as a prototype.
 *
 *     [FILE:]NAME[(ARGUMENT, …)] [noexcept]
 *
 * Each argument is the word for what it means, `_` when it means nothing to the account: `pool_alloc(_, size)`. FILE is
 * a mapped file's path or last part, `*` for all. NAME is a symbol, a C++ or Rust name without parameters, or `0x…`, a
 * virtual address in FILE. `noexcept` promises that no exception leaves the function.
 */

import { LeaklineError } from "../base/errors.ts";
import { allocates, type CallSignature, frees, MAX_ARGUMENT } from "./call-signature.ts";

/** One function, as the user described it. */
export type UserFunction = {
  /** As it was given, for messages: `--alloc 'my_alloc(size)'`. */
  readonly given: string;
  /** `*` for every file that has it; undefined when exactly one is expected to. */
  readonly file: string | undefined;
  readonly name: string;
  readonly signature: CallSignature;
  /** The user promises that no exception leaves it. */
  readonly isNoexcept: boolean;
};

/**
 * Reads the value of `--alloc`. Without arguments, the first is the size.
 *
 * @throws LeaklineError `usage`.
 */
export function parseAllocation(text: string): UserFunction {
  const given = `--alloc '${text}'`;
  const { words, ...where } = split(given, text, ALLOC_EXAMPLE);
  if (words === undefined) return { given, ...where, signature: allocates({ size: 1 }) };
  const { roles, bytes } = readRoles(given, words, ["size", "count", "old", "out"], ALLOC_EXAMPLE);
  if (roles.size === undefined && bytes === undefined)
    throw usage(
      `${given}: none of the arguments is the size`,
      `${ALLOC_EXAMPLE}, or with blocks of one size: ${FIXED}`,
    );
  if (roles.size !== undefined && bytes !== undefined)
    throw usage(`${given}: the size is an argument and also a number`, FIXED);
  return { given, ...where, signature: allocates({ ...roles, bytes: bytes ?? 0 }) };
}

/**
 * Reads the value of `--free`. Without arguments, the first is the block.
 *
 * @throws LeaklineError `usage`.
 */
export function parseRelease(text: string): UserFunction {
  const given = `--free '${text}'`;
  const { words, ...where } = split(given, text, FREE_EXAMPLE);
  if (words === undefined) return { given, ...where, signature: frees(1) };
  const { roles, bytes } = readRoles(given, words, ["ptr"], FREE_EXAMPLE);
  if (roles.ptr === undefined || bytes !== undefined)
    throw usage(`${given}: none of the arguments is the block`, FREE_EXAMPLE);
  return { given, ...where, signature: frees(roles.ptr) };
}

const ALLOC_EXAMPLE = "for example 'my_calloc(count, size)', 'my_realloc(old, size)' or 'pool_alloc(_, size)'";
const FREE_EXAMPLE = "for example 'my_free(ptr)' or 'pool_free(_, ptr)'";
const FIXED = "'node_alloc(_, size=48)'";

/** Into file, name, what stands between the last parentheses, and the promise behind them. */
function split(given: string, value: string, example: string) {
  if (value.length > MAX_LENGTH) throw usage(`${given.slice(0, 60)}…: too long`, example);
  const text = value
    .trimEnd()
    .replace(/(?<=[\s)])noexcept$/, "")
    .trimEnd();
  const isNoexcept = text.length < value.trimEnd().length;
  const open = text.endsWith(")") ? openingOf(given, text, example) : undefined;
  const whole = (open === undefined ? text : text.slice(0, open)).trim();
  if (open === undefined && count(text, "(") !== count(text, ")"))
    throw usage(`${given}: a parenthesis is not closed`, example);
  // One colon ends the file, two are part of a name.
  const colon = [...whole.matchAll(/(?<!:):(?!:)/g)].at(-1)?.index;
  const file = colon === undefined ? undefined : whole.slice(0, colon).trim();
  const name = (colon === undefined ? whole : whole.slice(colon + 1)).trim();
  if (name === "") throw usage(`${given}: has no name of a function`, example);
  if (file === "")
    throw usage(`${given}: has no file before the colon`, "for example 'libpool.so:pool_alloc(_, size)'");
  if (name.startsWith("0x") && (file === undefined || file === "*"))
    throw usage(`${given}: an address needs its file`, "for example 'libpool.so:0x1139(size)'");
  const words = open === undefined ? undefined : text.slice(open + 1, text.lastIndexOf(")"));
  // Nothing between the parentheses of operator() itself.
  if (words?.trim() === "" && /\boperator$/.test(name))
    return { file, name: `${name}()`, isNoexcept, words: undefined };
  return { file, name, isNoexcept, words };
}

/** Where the parenthesis that the last character closes was opened. */
function openingOf(given: string, text: string, example: string): number {
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    if (text[at] === ")") depth++;
    if (text[at] === "(" && --depth === 0) return at;
  }
  throw usage(`${given}: a parenthesis is not opened`, example);
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

/** Argument numbers by what they mean, and the number in `size=48`. */
function readRoles(given: string, words: string, known: readonly string[], example: string) {
  const roles: { [role: string]: number } = {};
  let bytes: number | undefined;
  const list = words.split(",").map((word) => word.trim());
  for (const [i, word] of list.entries()) {
    if (word === "_" || (word === "" && list.length === 1)) continue;
    const number = /^size\s*=\s*(\d+)$/.exec(word);
    if (number) {
      bytes = Number(number[1]);
      if (bytes > MAX_BYTES) throw usage(`${given}: ${word} is more than ${MAX_BYTES} bytes`, FIXED);
      if (i !== list.length - 1) throw usage(`${given}: ${word} is no argument and must stand last`, FIXED);
      continue;
    }
    if (!known.includes(word)) {
      const what = word === "" ? "an argument without a word" : `'${word}' is no known meaning of an argument`;
      throw usage(`${given}: ${what}`, `use ${known.join(", ")}, or _ for any other; ${example}`);
    }
    if (roles[word] !== undefined) throw usage(`${given}: two arguments are '${word}'`, example);
    if (i >= MAX_ARGUMENT)
      throw usage(
        `${given}: argument ${i + 1} is not in a register`,
        `only the first ${MAX_ARGUMENT} can be read, ${example}`,
      );
    roles[word] = i + 1;
  }
  return { roles, bytes };
}

function usage(message: string, hint: string): LeaklineError {
  return new LeaklineError("usage", message, { hint });
}

/** Of one option's value, characters. */
const MAX_LENGTH = 4096;
/** Of a block with a stated size. */
const MAX_BYTES = (1 << 28) - 1;
