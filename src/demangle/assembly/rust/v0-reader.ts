/**
 * The reading position in a Rust v0 name, and the terminals of its grammar: RFC 2603 and "v0 Symbol Format" in the
 * rustc book.
 */

import { fail } from "../failure.ts";
import {
  DIGIT_0,
  isDigit,
  isHexDigit,
  LETTER_A,
  LETTER_Z,
  SMALL_A,
  SMALL_S,
  SMALL_U,
  SMALL_Z,
  UNDERSCORE,
} from "../letters.ts";
import { hexValue } from "../numbers.ts";
import { step } from "../output.ts";
import { DECODED, decodePunycode } from "./punycode.ts";
import { isSurrogate, LAST_CODE_POINT } from "./utf8.ts";

/** Larger numbers, which no compiler writes, are taken for one about as large; just below, doubles are not exact. */
const MAX_NUMBER: f64 = 9007199254740991;

export class V0Reader {
  protected at: u32;
  /** Where the bytes are that `identifier`, `hexNumber` or `hexBytes` read last, and how many. */
  protected text: u32 = 0;
  protected textLength: u32 = 0;

  /** @param start the byte behind `_R`: back references count from there. @param end of the name, without its suffix. */
  constructor(
    protected start: u32,
    protected end: u32,
  ) {
    this.at = start;
  }

  protected next(): u8 {
    if (this.at === this.end) fail();
    return load<u8>(this.at++);
  }

  /** At the end stands a dot or a zero, and neither is in the grammar. */
  protected eat(letter: u8): bool {
    if (load<u8>(this.at) !== letter) return false;
    this.at++;
    return true;
  }

  protected expect(letter: u8): void {
    if (!this.eat(letter)) fail();
  }

  /** <base-62-number> = {<0-9a-zA-Z>} "_" ; the value plus one, `_` alone is 0. */
  protected base62(): u64 {
    if (this.eat(UNDERSCORE)) return 0;
    let value: f64 = 0;
    do {
      const byte = this.next();
      if (isDigit(byte)) value = value * 62 + byte - 48;
      else if (byte >= SMALL_A && byte <= SMALL_Z) value = value * 62 + byte - 87;
      else if (byte >= LETTER_A && byte <= LETTER_Z) value = value * 62 + byte - 29;
      else fail();
      if (value >= MAX_NUMBER) value = MAX_NUMBER - 62;
    } while (!this.eat(UNDERSCORE));
    return <u64>value + 1;
  }

  /** <disambiguator> = "s" <base-62-number> ; 0 if there is none. */
  protected disambiguator(): u64 {
    return this.eat(SMALL_S) ? this.base62() + 1 : 0;
  }

  /** <identifier> without its disambiguator = ["u"] <decimal-number> ["_"] <bytes> ; becomes `text`. */
  protected identifier(): void {
    const isPunycode = this.eat(SMALL_U);
    const length = this.identifierLength();
    this.eat(UNDERSCORE);
    if (length > this.end - this.at) fail();
    this.text = this.at;
    this.textLength = length;
    this.at += length;
    if (!isPunycode) return;
    // Decoded again at each back reference.
    step(length);
    this.textLength = decodePunycode(this.text, length);
    this.text = DECODED;
  }

  /** <decimal-number>, without leading zeros. */
  private identifierLength(): u32 {
    const start = this.at;
    let length: u32 = 0;
    while (this.at - start < 9 && isDigit(load<u8>(this.at))) {
      length = length * 10 + load<u8>(this.at++) - DIGIT_0;
      if (length === 0) break;
    }
    if (this.at === start) fail();
    return length;
  }

  /** <hex-number> = {<0-9a-f>} "_" , without leading zeros; its digits become `text`. */
  protected hexNumber(): void {
    this.hexDigits();
    if (this.textLength === 0 || (this.textLength > 1 && load<u8>(this.text) === DIGIT_0)) fail();
  }

  /** Likewise two digits a byte, zeros and all. */
  protected hexBytes(): void {
    this.hexDigits();
    if (this.textLength % 2 !== 0) fail();
  }

  private hexDigits(): void {
    this.text = this.at;
    while (isHexDigit(load<u8>(this.at))) this.at++;
    this.textLength = this.at - this.text;
    this.expect(UNDERSCORE);
  }

  /** A <hex-number> that is a character. */
  protected codePoint(): u32 {
    this.hexNumber();
    if (this.textLength > 6) fail();
    const codePoint = <u32>hexValue(this.text, this.textLength);
    if (codePoint > LAST_CODE_POINT || isSurrogate(codePoint)) fail();
    return codePoint;
  }
}
