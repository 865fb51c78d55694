/**
 * Floating point literals: Itanium C++ ABI 5.1.6.1. The value is mangled as the hexadecimal digits of its object
 * representation, most significant first, and printed as C's `%a` does: exact in every case.
 */

import { DIGIT_0, DIGIT_8, SMALL_E, SMALL_F } from "../letters.ts";
import { hexValue } from "../numbers.ts";
import { Node } from "./node.ts";
import { compound, decimal, Excerpt, hexadecimal, literal } from "./text.ts";

/** Types that have such literals, by the letters of their codes. */
export const FLOAT_TYPES = "fde";

/** Hexadecimal digits of a type. `long double` is x86's 80-bit format. */
export function floatDigits(letter: u8): u32 {
  if (letter === SMALL_E) return 20;
  return letter === SMALL_F ? 8 : 16;
}

/** The text of a literal. @param letter of FLOAT_TYPES. @param digits where they are, as many as there must be. */
export function floatLiteral(letter: u8, digits: u32): Node {
  if (letter === SMALL_E) return extendedLiteral(digits);
  return letter === SMALL_F ? doubleLiteral(widen(digits), "f") : doubleLiteral(digits, "");
}

/** The digits of the double that equals a float. */
function widen(digits: u32): u32 {
  const value = <f64>reinterpret<f32>(<u32>hexValue(digits, 8));
  return hexadecimal(reinterpret<u64>(value), 16).from;
}

/** IEEE 754 double: sign and 11 exponent bits are three digits, 52 fraction bits are thirteen. */
function doubleLiteral(digits: u32, suffix: string): Node {
  const head = <i32>hexValue(digits, 3);
  const sign = head & 0x800 ? "-" : "";
  const exponent = head & 0x7ff;
  const fraction = withoutZeros(digits + 3, 13);
  const isZero = fraction.length === 0;
  if (exponent === 0x7ff) return special(sign, isZero, suffix);
  if (exponent === 0) return hexadecimalLiteral(sign, literal("0"), fraction, isZero ? 0 : -1022, suffix);
  return hexadecimalLiteral(sign, literal("1"), fraction, exponent - 1023, suffix);
}

/**
 * x87: sign and 15 exponent bits are four digits; of the 64 mantissa bits the first is the integer bit. glibc prints
 * the first four bits before the point, hence three less in the exponent.
 */
function extendedLiteral(digits: u32): Node {
  const head = <i32>hexValue(digits, 4);
  const sign = head & 0x8000 ? "-" : "";
  const exponent = head & 0x7fff;
  const lead = load<u8>(digits + 4);
  const fraction = withoutZeros(digits + 5, 15);
  const isWhole = fraction.length === 0;
  if (exponent === 0x7fff) return special(sign, isWhole && lead === DIGIT_8, "L");
  const isZero = isWhole && lead === DIGIT_0;
  const shown = isZero ? 0 : max(exponent, 1) - 16383 - 3;
  return hexadecimalLiteral(sign, new Excerpt(digits + 4, 1), fraction, shown, "L");
}

function special(sign: string, isInfinite: bool, suffix: string): Node {
  return compound([literal(sign), literal(isInfinite ? "inf" : "nan"), literal(suffix)]);
}

function hexadecimalLiteral(sign: string, lead: Node, fraction: Excerpt, exponent: i32, suffix: string): Node {
  return compound([
    literal(sign),
    literal("0x"),
    lead,
    literal(fraction.length === 0 ? "" : "."),
    fraction,
    literal(exponent < 0 ? "p-" : "p+"),
    decimal(abs(exponent)),
    literal(suffix),
  ]);
}

function withoutZeros(digits: u32, length: u32): Excerpt {
  let end = digits + length;
  while (end > digits && load<u8>(end - 1) === DIGIT_0) end--;
  return new Excerpt(digits, end - digits);
}
