/** The characters that the grammars have, in ASCII. */

export const DOLLAR: u8 = 0x24;
export const COMMA: u8 = 0x2c;
export const DASH: u8 = 0x2d;
export const DOT: u8 = 0x2e;
export const BRACKET_END: u8 = 0x5d;
export const DIGIT_0: u8 = 0x30;
export const DIGIT_1: u8 = 0x31;
export const DIGIT_8: u8 = 0x38;
export const DIGIT_9: u8 = 0x39;
export const UNDERSCORE: u8 = 0x5f;

export const LETTER_A: u8 = 0x41;
export const LETTER_B: u8 = 0x42;
export const LETTER_C: u8 = 0x43;
export const LETTER_D: u8 = 0x44;
export const LETTER_E: u8 = 0x45;
export const LETTER_F: u8 = 0x46;
export const LETTER_G: u8 = 0x47;
export const LETTER_I: u8 = 0x49;
export const LETTER_J: u8 = 0x4a;
export const LETTER_K: u8 = 0x4b;
export const LETTER_L: u8 = 0x4c;
export const LETTER_M: u8 = 0x4d;
export const LETTER_N: u8 = 0x4e;
export const LETTER_O: u8 = 0x4f;
export const LETTER_P: u8 = 0x50;
export const LETTER_Q: u8 = 0x51;
export const LETTER_R: u8 = 0x52;
export const LETTER_S: u8 = 0x53;
export const LETTER_T: u8 = 0x54;
export const LETTER_U: u8 = 0x55;
export const LETTER_V: u8 = 0x56;
export const LETTER_X: u8 = 0x58;
export const LETTER_Y: u8 = 0x59;
export const LETTER_Z: u8 = 0x5a;

export const SMALL_A: u8 = 0x61;
export const SMALL_B: u8 = 0x62;
export const SMALL_C: u8 = 0x63;
export const SMALL_D: u8 = 0x64;
export const SMALL_E: u8 = 0x65;
export const SMALL_F: u8 = 0x66;
export const SMALL_H: u8 = 0x68;
export const SMALL_K: u8 = 0x6b;
export const SMALL_L: u8 = 0x6c;
export const SMALL_N: u8 = 0x6e;
export const SMALL_P: u8 = 0x70;
export const SMALL_R: u8 = 0x72;
export const SMALL_S: u8 = 0x73;
export const SMALL_T: u8 = 0x74;
export const SMALL_U: u8 = 0x75;
export const SMALL_V: u8 = 0x76;
export const SMALL_Z: u8 = 0x7a;

export function isSmallLetter(byte: u8): bool {
  return byte >= SMALL_A && byte <= SMALL_Z;
}

export function isDigit(byte: u8): bool {
  return byte >= DIGIT_0 && byte <= DIGIT_9;
}

/** Which of the letters a byte is; -1 for none. */
export function indexIn(letters: string, byte: u8): i32 {
  for (let i = 0; i < letters.length; i++) if (letters.charCodeAt(i) === byte) return i;
  return -1;
}

export function isOneOf(letters: string, byte: u8): bool {
  return indexIn(letters, byte) >= 0;
}

/** Of small letters alone. */
export function isHexDigit(byte: u8): bool {
  return isDigit(byte) || (byte >= SMALL_A && byte <= SMALL_F);
}

export function hexDigitValue(digit: u8): u32 {
  return digit <= DIGIT_9 ? digit - DIGIT_0 : digit - SMALL_A + 10;
}
