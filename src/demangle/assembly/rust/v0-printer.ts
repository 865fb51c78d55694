/**
 * What has been read of a Rust v0 name as text: unless it is muted, for some parts of a name are not shown. And the
 * literals, which are printed as soon as they are read.
 */

import { fail } from "../failure.ts";
import { DIGIT_0, DIGIT_1, SMALL_N } from "../letters.ts";
import { appendDecimal } from "../numbers.ts";
import { append, appendByte, appendBytes } from "../output.ts";
import { appendCharacterLiteral, appendInteger, appendStringLiteral } from "./v0-literals.ts";
import { V0Reader } from "./v0-reader.ts";

export class V0Printer extends V0Reader {
  /** While more than 0, what is read is not printed. */
  protected muted: i32 = 0;

  protected print(text: string): void {
    if (this.muted === 0) append(text);
  }

  /** Prints what was read last. */
  protected printText(): void {
    if (this.muted === 0) appendBytes(this.text, this.textLength);
  }

  protected printByte(byte: u8): void {
    if (this.muted === 0) appendByte(byte);
  }

  protected printNumber(value: u64): void {
    if (this.muted === 0) appendDecimal(value);
  }

  protected boolean(): void {
    this.hexNumber();
    const digit = load<u8>(this.text);
    if (this.textLength > 1 || digit > DIGIT_1) fail();
    this.print(digit === DIGIT_0 ? "false" : "true");
  }

  protected character(): void {
    const codePoint = this.codePoint();
    if (this.muted === 0) appendCharacterLiteral(codePoint);
  }

  /** ["n"] <hex-number> */
  protected integer(): void {
    if (this.eat(SMALL_N)) this.print("-");
    this.hexNumber();
    if (this.muted === 0) appendInteger(this.text, this.textLength);
  }

  protected string(): void {
    this.hexBytes();
    if (this.muted === 0) appendStringLiteral(this.text, this.textLength);
  }
}
