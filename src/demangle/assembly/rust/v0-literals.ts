/**
 * Basic types and literals of Rust's v0 names: "v0 Symbol Format" in the rustc book, <basic-type> and <const-data>.
 */

import { SMALL_A, SMALL_Z } from "../letters.ts";
import { appendDecimal, appendHexadecimal, hexValue } from "../numbers.ts";
import { append, appendByte, appendBytes } from "../output.ts";

/** <basic-type> by its letter, from `a` on. */
const BASIC_TYPES: StaticArray<string> = [
  "i8",
  "bool",
  "char",
  "f64",
  "str",
  "f32",
  "",
  "u8",
  "isize",
  "usize",
  "",
  "i32",
  "u32",
  "i128",
  "u128",
  "_",
  "",
  "",
  "i16",
  "u16",
  "()",
  "...",
  "",
  "i64",
  "u64",
  "!",
];

/** The letters among them that a constant's integer can have. */
const CONST_INTEGERS = "ahijlmnostxy";

/** @returns "" for a letter that is none. */
export function basicType(letter: u8): string {
  return letter >= SMALL_A && letter <= SMALL_Z ? unchecked(BASIC_TYPES[letter - SMALL_A]) : "";
}

export function isConstInteger(letter: u8): bool {
  for (let i = 0; i < CONST_INTEGERS.length; i++) if (letter === CONST_INTEGERS.charCodeAt(i)) return true;
  return false;
}

/** Up to 64 bits in decimal, wider ones as they stand. */
export function appendInteger(digits: u32, length: u32): void {
  if (length <= 16) appendDecimal(hexValue(digits, length));
  else {
    append("0x");
    appendBytes(digits, length);
  }
}

const QUOTE: u32 = 0x27;
const DOUBLE_QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;

/** `'x'` */
export function appendCharacterLiteral(codePoint: u32): void {
  append("'");
  appendEscaped(codePoint, QUOTE);
  append("'");
}

/** `"text"`, from the hexadecimal digits of its bytes. @param length even. */
export function appendStringLiteral(digits: u32, length: u32): void {
  append('"');
  appendText(digits, digits + length);
  append('"');
}

/** What stands for bytes that are no UTF-8. */
const REPLACEMENT: u32 = 0xfffd;

/**
 * Bytes as UTF-8, the way a TextDecoder reads them: a byte order mark at the start is left out; bytes that begin a
 * character which does not go on are replaced together, others one by one.
 */
function appendText(from: u32, end: u32): void {
  let at = from;
  if (end - at >= 6 && hexValue(at, 6) === 0xefbbbf) at += 6;
  while (at < end) {
    const first = byteAt(at);
    at += 2;
    let missing = bytesBehind(first);
    let codePoint = missing > 0 ? first & (0x3f >> missing) : first < 0x80 ? first : REPLACEMENT;
    // The second byte must not make a character that fewer bytes can say, a surrogate, or one beyond the last.
    let least: u32 = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    let most: u32 = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    for (; missing > 0 && at < end; missing--) {
      const byte = byteAt(at);
      if (byte < least || byte > most) break;
      at += 2;
      codePoint = (codePoint << 6) | (byte & 0x3f);
      least = 0x80;
      most = 0xbf;
    }
    appendEscaped(missing > 0 ? REPLACEMENT : codePoint, DOUBLE_QUOTE);
  }
}

/** The byte that two hexadecimal digits stand for. */
function byteAt(digits: u32): u32 {
  return <u32>hexValue(digits, 2);
}

/** How many bytes a character has behind its first one, which may be one that none has. */
function bytesBehind(first: u32): u32 {
  if (first < 0xc2 || first > 0xf4) return 0;
  return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

/** As Rust's source writes it: printable ASCII as it is, the usual escapes, the rest by number. */
function appendEscaped(codePoint: u32, quote: u32): void {
  if (codePoint === quote || codePoint === BACKSLASH) {
    append("\\");
    appendByte(<u8>codePoint);
  } else if (codePoint === 0x09) append("\\t");
  else if (codePoint === 0x0d) append("\\r");
  else if (codePoint === 0x0a) append("\\n");
  else if (codePoint >= 0x20 && codePoint <= 0x7e) appendByte(<u8>codePoint);
  else {
    append("\\u{");
    appendHexadecimal(codePoint);
    append("}");
  }
}
