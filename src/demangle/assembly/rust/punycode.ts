/**
 * Punycode, RFC 3492, as Rust's v0 mangling uses it: `_` instead of `-` before the encoded part (RFC 2603).
 */

import { fail } from "../failure.ts";
import { DIGIT_0, isDigit, SMALL_A, SMALL_Z, UNDERSCORE } from "../letters.ts";
import { isSurrogate, LAST_CODE_POINT, storeCharacter } from "./utf8.ts";

// RFC 3492 section 5.
const BASE: i32 = 36;
const T_MIN: i32 = 1;
const T_MAX: i32 = 26;
const SKEW: u64 = 38;
const DAMP: u64 = 700;
const INITIAL_BIAS: i32 = 72;
const INITIAL_CODE_POINT: u64 = 0x80;

/** Longer identifiers are refused: inserting makes the work quadratic. */
const MAX_LENGTH: u32 = 256;

/** The code points decoded so far: each takes a byte of the identifier at least. */
const CHARACTERS: u32 = <u32>memory.data(MAX_LENGTH * 4);

/** The identifier decoded last, in UTF-8. */
export const DECODED: u32 = <u32>memory.data(MAX_LENGTH * 4);

/** No number becomes larger: far less is beyond the last character already. */
const MAX_NUMBER: u64 = (1 << 53) - 1;

/** Puts the identifier that `encoded` stands for at `DECODED`; fails when it is not Punycode. @returns its length. */
export function decodePunycode(encoded: u32, encodedLength: u32): u32 {
  if (encodedLength > MAX_LENGTH) fail();
  const end = encoded + encodedLength;
  let at = behindLastUnderscore(encoded, end);
  let count: u32 = 0;
  for (; encoded + count + 1 < at; count++) insert(load<u8>(encoded + count), count, count);
  let codePoint = INITIAL_CODE_POINT;
  let bias = INITIAL_BIAS;
  let index: u64 = 0;
  while (at < end) {
    const previous = index;
    let weight: u64 = 1;
    for (let k = BASE; ; k += BASE) {
      if (at === end) fail();
      const digit = digitValue(load<u8>(at++));
      index += digit * weight;
      const threshold = min(max(k - bias, T_MIN), T_MAX);
      if (digit < <u64>threshold) break;
      weight *= <u64>(BASE - threshold);
      if (index > MAX_NUMBER || weight > MAX_NUMBER) fail();
    }
    const length: u64 = count + 1;
    bias = adapt(index - previous, length, previous === 0);
    codePoint += index / length;
    index %= length;
    if (codePoint > LAST_CODE_POINT || isSurrogate(<u32>codePoint)) fail();
    insert(<u32>codePoint, <u32>index, count);
    count++;
    index++;
  }
  return encode(count);
}

/** @returns `from` when there is none. */
function behindLastUnderscore(from: u32, end: u32): u32 {
  let at = end;
  while (at > from && load<u8>(at - 1) !== UNDERSCORE) at--;
  return at;
}

/** @param index where among the `count` characters. */
function insert(codePoint: u32, index: u32, count: u32): void {
  const at = CHARACTERS + (index << 2);
  memory.copy(at + 4, at, (count - index) << 2);
  store<u32>(at, codePoint);
}

function encode(count: u32): u32 {
  let end = DECODED;
  for (let i: u32 = 0; i < count; i++) end += storeCharacter(load<u32>(CHARACTERS + (i << 2)), end);
  return end - DECODED;
}

/** `a`–`z` are 0–25, `0`–`9` are 26–35. */
function digitValue(byte: u8): u64 {
  if (byte >= SMALL_A && byte <= SMALL_Z) return byte - SMALL_A;
  if (!isDigit(byte)) fail();
  return byte - DIGIT_0 + 26;
}

/** RFC 3492 section 6.1. */
function adapt(delta: u64, length: u64, isFirst: bool): i32 {
  let rest = delta / (isFirst ? DAMP : 2);
  rest += rest / length;
  let k: i32 = 0;
  while (rest > <u64>(((BASE - T_MIN) * T_MAX) / 2)) {
    rest /= BASE - T_MIN;
    k += BASE;
  }
  return k + <i32>(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}
