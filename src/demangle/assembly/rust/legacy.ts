/**
 * Rust's legacy names, the compiler's default until 2025: `_ZN`, path elements with their lengths, `E`, as in C++, where
 * the last element is `h` and sixteen hexadecimal digits. Characters that symbols must not have are escaped.
 * There is no specification; rustc's `legacy.rs` (compiler/rustc_symbol_mangling) is what writes them.
 */

import { INPUT } from "../input.ts";
import {
  COMMA,
  DIGIT_0,
  DOLLAR,
  DOT,
  hexDigitValue,
  isDigit,
  isHexDigit,
  LETTER_C,
  LETTER_E,
  LETTER_N,
  LETTER_Z,
  SMALL_H,
  SMALL_U,
  UNDERSCORE,
} from "../letters.ts";
import { append, appendByte, appendBytes, appendSuffix, beginOutput } from "../output.ts";
import { isSurrogate, LAST_CODE_POINT, storeCharacter } from "./utf8.ts";

const HASH_LENGTH: u32 = 17;

/** rustc's escapes of two letters, `$SP$`, each with what it stands for. There are also `$C$`, and `$u7e$`, a code point. */
const ESCAPES = "SP@BP*RF&LT<GT>LP(RP)";

/** Where the name is read. */
let at: u32 = 0;

/** An unescaped character, in UTF-8. */
const CHARACTER: u32 = <u32>memory.data(4);

/**
 * Writes the Rust path that a name stands for: `core::fmt::write`.
 *
 * @param withHash keeps the last element, `core::fmt::write::h0123456789abcdef`, which tells instances apart.
 * @returns false when it is not such a name: without the hash it cannot be told from C++.
 */
export function demangleRustLegacy(length: u32, withHash: bool): bool {
  const start = INPUT + prefixLength();
  if (start === INPUT) return false;
  const end = INPUT + length;
  let count: u32 = 0;
  let lastLength: u32 = 0;
  for (at = start; load<u8>(at) !== LETTER_E; at += lastLength) {
    lastLength = elementLength(end);
    if (lastLength === 0) return false;
    count++;
  }
  const hash = at - lastLength;
  if (count < 2 || !isHash(hash, lastLength)) return false;
  const suffix = at + 1;
  if (suffix < end && load<u8>(suffix) !== DOT) return false;
  beginOutput(length);
  at = start;
  for (let i: u32 = 1; i < count; i++) {
    if (i > 1) append("::");
    const elementEnd = elementLength(end) + at;
    appendPlainText(elementEnd);
    at = elementEnd;
  }
  if (withHash) {
    append("::");
    appendBytes(hash, HASH_LENGTH);
  }
  if (suffix < end) appendSuffix(suffix, end - suffix);
  return true;
}

function prefixLength(): u32 {
  const letter: u32 = load<u8>(INPUT + 1) === UNDERSCORE ? 2 : 1;
  const isPrefix =
    load<u8>(INPUT) === UNDERSCORE &&
    load<u8>(INPUT + letter) === LETTER_Z &&
    load<u8>(INPUT + letter + 1) === LETTER_N;
  return isPrefix ? letter + 2 : 0;
}

/** Reads the length of an element, which begins then. @returns 0 when there is no such element. */
function elementLength(end: u32): u32 {
  let length: u32 = 0;
  for (const start = at; at - start < 9 && isDigit(load<u8>(at)); at++) {
    length = length * 10 + load<u8>(at) - DIGIT_0;
  }
  return length <= end - at ? length : 0;
}

function isHash(element: u32, length: u32): bool {
  if (length !== HASH_LENGTH || load<u8>(element) !== SMALL_H) return false;
  for (let i: u32 = 1; i < HASH_LENGTH; i++) if (!isHexDigit(load<u8>(element + i))) return false;
  return true;
}

/** Writes an element. What cannot be unescaped stays as it is, with all that follows it. */
function appendPlainText(end: u32): void {
  // An underscore makes an identifier of an element that starts with an escape.
  if (end - at > 1 && load<u8>(at) === UNDERSCORE && load<u8>(at + 1) === DOLLAR) at++;
  while (at < end) {
    const byte = load<u8>(at);
    if (byte === DOT && at + 1 < end && load<u8>(at + 1) === DOT) {
      append("::");
      at += 2;
    } else if (byte === DOLLAR) {
      const dollar = nextDollar(at + 1, end);
      const character = dollar < end ? unescaped(at + 1, dollar) : 0;
      if (character === 0) break;
      appendBytes(CHARACTER, storeCharacter(character, CHARACTER));
      at = dollar + 1;
    } else {
      appendByte(byte);
      at++;
    }
  }
  appendBytes(at, end - at);
}

/** @returns `end` if there is none. */
function nextDollar(from: u32, end: u32): u32 {
  let dollar = from;
  while (dollar < end && load<u8>(dollar) !== DOLLAR) dollar++;
  return dollar;
}

/** @param from behind the first `$`. @param end the second one. @returns the code point; 0 when it is no escape. */
function unescaped(from: u32, end: u32): u32 {
  if (load<u8>(from) === SMALL_U) return numberedCharacter(from + 1, end);
  if (end - from === 1) return load<u8>(from) === LETTER_C ? COMMA : 0;
  if (end - from !== 2) return 0;
  for (let i = 0; i < ESCAPES.length; i += 3) {
    const isIt = load<u8>(from) === ESCAPES.charCodeAt(i) && load<u8>(from + 1) === ESCAPES.charCodeAt(i + 1);
    if (isIt) return ESCAPES.charCodeAt(i + 2);
  }
  return 0;
}

/** The character of a number that is hexadecimal; 0 when there is none, or it is for control. */
function numberedCharacter(from: u32, end: u32): u32 {
  let codePoint: u32 = 0;
  for (let i = from; i < end; i++) {
    if (!isHexDigit(load<u8>(i))) return 0;
    codePoint = codePoint * 16 + hexDigitValue(load<u8>(i));
    if (codePoint > LAST_CODE_POINT) return 0;
  }
  const isControl = codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);
  return isControl || isSurrogate(codePoint) ? 0 : codePoint;
}
