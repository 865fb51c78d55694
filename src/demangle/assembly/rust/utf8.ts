/** Code points as UTF-8. */

export const LAST_CODE_POINT: u32 = 0x10ffff;

/** Surrogates are halves of characters in UTF-16, and no characters. */
export function isSurrogate(codePoint: u32): bool {
  return codePoint >= 0xd800 && codePoint <= 0xdfff;
}

/** Writes a character. @param to where four bytes are free. @returns how many it takes. */
export function storeCharacter(codePoint: u32, to: u32): u32 {
  if (codePoint < 0x80) {
    store<u8>(to, <u8>codePoint);
    return 1;
  }
  const length: u32 = codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  let rest = codePoint;
  for (let i = length - 1; i > 0; i--, rest >>= 6) store<u8>(to + i, <u8>(0x80 | (rest & 0x3f)));
  // As many ones as there are bytes, and a zero.
  store<u8>(to, <u8>((0xf00 >> length) | rest));
  return length;
}
