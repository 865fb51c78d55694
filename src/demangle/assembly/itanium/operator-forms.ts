/** How an expression with an operator is encoded and printed. */

export const NONE: u8 = 0;
export const PREFIX: u8 = 1;
export const POSTFIX: u8 = 2;
export const BINARY: u8 = 3;
export const SUBSCRIPT: u8 = 4;
export const MEMBER: u8 = 5;
export const NEW: u8 = 6;
export const DELETE: u8 = 7;
export const CALL: u8 = 8;
export const CAST: u8 = 9;
export const CONDITIONAL: u8 = 10;
export const NAMED_CAST: u8 = 11;
/** sizeof, alignof, typeid of a type or of an expression. */
export const OF_TYPE: u8 = 12;
export const OF_EXPRESSION: u8 = 13;
/** Can be overloaded but not written in an expression. */
export const NAME_ONLY: u8 = 14;
