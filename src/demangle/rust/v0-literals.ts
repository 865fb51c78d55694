/**
 * Basic types and literals of Rust's v0 names: "v0 Symbol Format" in the rustc book, <basic-type> and <const-data>.
 */

import { fail } from "../limits.ts";

/** <basic-type> by its letter. */
export const BASIC_TYPES: Readonly<Record<string, string>> = {
  a: "i8",
  b: "bool",
  c: "char",
  d: "f64",
  e: "str",
  f: "f32",
  h: "u8",
  i: "isize",
  j: "usize",
  l: "i32",
  m: "u32",
  n: "i128",
  o: "u128",
  p: "_",
  s: "i16",
  t: "u16",
  u: "()",
  v: "...",
  x: "i64",
  y: "u64",
  z: "!",
};

/** The letters among them that a constant's integer can have. */
export const CONST_INTEGERS = "ahijlmnostxy";

/** Up to 64 bits in decimal, wider ones as they stand. */
export function integerText(digits: string): string {
  return digits.length > 16 ? `0x${digits}` : BigInt(`0x${digits}`).toString();
}

/** `'x'`, from the code point's hexadecimal digits. */
export function characterLiteral(digits: string): string {
  const codePoint = digits.length > 6 ? fail() : Number.parseInt(digits, 16);
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) fail();
  return `'${escaped(codePoint, "'")}'`;
}

/** `"text"`, from the hexadecimal digits of its UTF-8 bytes. */
export function stringLiteral(digits: string): string {
  if (digits.length % 2 !== 0) fail();
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  let text = "";
  for (const character of new TextDecoder().decode(bytes)) text += escaped(character.codePointAt(0)!, '"');
  return `"${text}"`;
}

/** As Rust's source writes it: printable ASCII as it is, the usual escapes, the rest by number. */
function escaped(codePoint: number, quote: string): string {
  const character = String.fromCodePoint(codePoint);
  if (character === quote || character === "\\") return `\\${character}`;
  if (character === "\t") return "\\t";
  if (character === "\r") return "\\r";
  if (character === "\n") return "\\n";
  return codePoint >= 0x20 && codePoint <= 0x7e ? character : `\\u{${codePoint.toString(16)}}`;
}
