/** Numbers in text. */

import { DIGIT_0, hexDigitValue, SMALL_A } from "./letters.ts";
import { appendByte } from "./output.ts";

/** The value of hexadecimal digits, 16 at most. */
export function hexValue(digits: u32, length: u32): u64 {
  let value: u64 = 0;
  for (let i: u32 = 0; i < length; i++) value = (value << 4) | hexDigitValue(load<u8>(digits + i));
  return value;
}

export function appendDecimal(value: u64): void {
  appendNumber(value, 10);
}

/** In small letters. */
export function appendHexadecimal(value: u64): void {
  appendNumber(value, 16);
}

function appendNumber(value: u64, base: u64): void {
  let unit: u64 = 1;
  while (value / unit >= base) unit *= base;
  for (; unit > 0; unit /= base) {
    const digit = <u8>((value / unit) % base);
    appendByte(digit < 10 ? DIGIT_0 + digit : SMALL_A + digit - 10);
  }
}
