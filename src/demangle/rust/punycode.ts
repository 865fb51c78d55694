/**
 * Punycode, RFC 3492, as Rust's v0 mangling uses it: `_` instead of `-` before the encoded part (RFC 2603).
 */

import { fail } from "../limits.ts";

// RFC 3492 section 5.
const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_CODE_POINT = 0x80;

/** Longer identifiers are refused: inserting makes the work quadratic. */
const MAX_LENGTH = 256;

/** The identifier that `encoded` stands for. @throws FAILURE when it is not Punycode. */
export function decodePunycode(encoded: string): string {
  if (encoded.length > MAX_LENGTH) fail();
  const delimiter = encoded.lastIndexOf("_");
  const characters = Array.from(encoded.slice(0, Math.max(delimiter, 0)));
  let at = delimiter + 1;
  let codePoint = INITIAL_CODE_POINT;
  let bias = INITIAL_BIAS;
  let index = 0;
  while (at < encoded.length) {
    const previous = index;
    let weight = 1;
    for (let k = BASE; ; k += BASE) {
      const digit = digitValue(encoded.charCodeAt(at++));
      index += digit * weight;
      const threshold = Math.min(Math.max(k - bias, T_MIN), T_MAX);
      if (digit < threshold) break;
      weight *= BASE - threshold;
      if (index > Number.MAX_SAFE_INTEGER || weight > Number.MAX_SAFE_INTEGER) fail();
    }
    const length = characters.length + 1;
    bias = adapt(index - previous, length, previous === 0);
    codePoint += Math.floor(index / length);
    index %= length;
    const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
    if (codePoint > 0x10ffff || isSurrogate) fail();
    characters.splice(index++, 0, String.fromCodePoint(codePoint));
  }
  return characters.join("");
}

/** `a`–`z` are 0–25, `0`–`9` are 26–35. */
function digitValue(code: number): number {
  if (code >= 97 && code <= 122) return code - 97;
  if (code >= 48 && code <= 57) return code - 22;
  return fail();
}

/** RFC 3492 section 6.1. */
function adapt(delta: number, length: number, isFirst: boolean): number {
  let rest = Math.floor(delta / (isFirst ? DAMP : 2));
  rest += Math.floor(rest / length);
  let k = 0;
  while (rest > ((BASE - T_MIN) * T_MAX) / 2) {
    rest = Math.floor(rest / (BASE - T_MIN));
    k += BASE;
  }
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}
