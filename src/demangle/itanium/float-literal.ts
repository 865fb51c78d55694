/**
 * Floating point literals: Itanium C++ ABI 5.1.6.1. The value is mangled as the hexadecimal digits of its object
 * representation, most significant first, and printed as C's `%a` does: exact in every case.
 */

/** Hexadecimal digits of each type, by the letter of its code. `long double` is x86's 80-bit format. */
export const FLOAT_DIGITS: Readonly<Record<string, number>> = { f: 8, d: 16, e: 20 };

/** The text of a literal. @param letter a key of FLOAT_DIGITS. @param digits as many as it says, lower case. */
export function floatLiteral(letter: string, digits: string): string {
  if (letter === "e") return `${extendedLiteral(digits)}L`;
  return letter === "f" ? `${doubleLiteral(widen(digits))}f` : doubleLiteral(digits);
}

/** The digits of the double that equals a float. */
function widen(digits: string): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setUint32(0, Number.parseInt(digits, 16));
  view.setFloat64(0, view.getFloat32(0));
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

/** IEEE 754 double: sign and 11 exponent bits are three digits, 52 fraction bits are thirteen. */
function doubleLiteral(digits: string): string {
  const head = Number.parseInt(digits.slice(0, 3), 16);
  const fraction = digits.slice(3);
  const exponent = head & 0x7ff;
  const isZero = Number.parseInt(fraction, 16) === 0;
  if (exponent === 0x7ff) return sign(head, 0x800) + (isZero ? "inf" : "nan");
  if (exponent === 0) return sign(head, 0x800) + hexadecimal("0", fraction, isZero ? 0 : -1022);
  return sign(head, 0x800) + hexadecimal("1", fraction, exponent - 1023);
}

/**
 * x87: sign and 15 exponent bits are four digits; of the 64 mantissa bits the first is the integer bit. glibc prints
 * the first four bits before the point, hence three less in the exponent.
 */
function extendedLiteral(digits: string): string {
  const head = Number.parseInt(digits.slice(0, 4), 16);
  const exponent = head & 0x7fff;
  const lead = digits[4];
  const fraction = digits.slice(5);
  const isZero = lead === "0" && Number.parseInt(fraction, 16) === 0;
  if (exponent === 0x7fff) {
    return sign(head, 0x8000) + (lead === "8" && Number.parseInt(fraction, 16) === 0 ? "inf" : "nan");
  }
  return sign(head, 0x8000) + hexadecimal(lead, fraction, isZero ? 0 : Math.max(exponent, 1) - 16383 - 3);
}

function sign(head: number, bit: number): string {
  return head & bit ? "-" : "";
}

function hexadecimal(lead: string, fraction: string, exponent: number): string {
  let end = fraction.length;
  while (end > 0 && fraction[end - 1] === "0") end--;
  const point = end === 0 ? "" : ".";
  return `0x${lead}${point}${fraction.slice(0, end)}p${exponent < 0 ? "" : "+"}${exponent}`;
}
