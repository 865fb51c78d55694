/**
 * The reading position in a Rust v0 name, and the terminals of its grammar: RFC 2603 and "v0 Symbol Format" in the
 * rustc book.
 */

import { fail } from "../limits.ts";
import { Output } from "../output.ts";
import { decodePunycode } from "./punycode.ts";

export class V0Reader {
  /** The name behind `_R`: back references count from there. */
  protected readonly input: string;
  protected at = 0;
  protected readonly output: Output;

  constructor(input: string) {
    this.input = input;
    this.output = new Output(input.length);
  }

  protected next(): string {
    return this.input[this.at++] ?? fail();
  }

  protected eat(character: string): boolean {
    if (this.input[this.at] !== character) return false;
    this.at++;
    return true;
  }

  protected expect(character: string): void {
    if (!this.eat(character)) fail();
  }

  /** <base-62-number> = {<0-9a-zA-Z>} "_" ; the value plus one, `_` alone is 0. */
  protected base62(): number {
    if (this.eat("_")) return 0;
    let value = 0;
    do {
      const code = this.next().charCodeAt(0);
      if (code >= 48 && code <= 57) value = value * 62 + code - 48;
      else if (code >= 97 && code <= 122) value = value * 62 + code - 87;
      else if (code >= 65 && code <= 90) value = value * 62 + code - 29;
      else fail();
      if (value >= Number.MAX_SAFE_INTEGER) value = Number.MAX_SAFE_INTEGER - 62;
    } while (!this.eat("_"));
    return value + 1;
  }

  /** <disambiguator> = "s" <base-62-number> ; 0 if there is none. */
  protected disambiguator(): number {
    return this.eat("s") ? this.base62() + 1 : 0;
  }

  /** <identifier> without its disambiguator = ["u"] <decimal-number> ["_"] <bytes> */
  protected identifier(): string {
    const isPunycode = this.eat("u");
    const start = this.at;
    let length = 0;
    for (; this.at - start < 9; this.at++) {
      const digit = this.input.charCodeAt(this.at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      length = length * 10 + digit;
      if (length === 0) {
        this.at++;
        break;
      }
    }
    if (this.at === start) fail();
    this.eat("_");
    if (length > this.input.length - this.at) fail();
    const identifier = this.input.slice(this.at, this.at + length);
    this.at += length;
    if (!isPunycode) return identifier;
    // Decoded again at each back reference.
    this.output.step(length);
    return decodePunycode(identifier);
  }

  /** <hex-number> = {<0-9a-f>} "_" , without leading zeros. @param asBytes two digits a byte, zeros and all. */
  protected hexDigits(asBytes = false): string {
    const start = this.at;
    for (;;) {
      const character = this.next();
      if (character === "_") break;
      if (!((character >= "0" && character <= "9") || (character >= "a" && character <= "f"))) fail();
    }
    const digits = this.input.slice(start, this.at - 1);
    if (!asBytes && (digits === "" || (digits.length > 1 && digits[0] === "0"))) fail();
    return digits;
  }
}
