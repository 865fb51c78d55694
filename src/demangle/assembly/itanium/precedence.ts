/** Binding strength of operators in C++ ([expr] in the standard's order), strongest first. */

export const PRIMARY: u8 = 0;
export const POSTFIX: u8 = 1;
export const UNARY: u8 = 2;
export const CAST: u8 = 3;
export const MEMBER_POINTER: u8 = 4;
export const MULTIPLICATIVE: u8 = 5;
export const ADDITIVE: u8 = 6;
export const SHIFT: u8 = 7;
export const SPACESHIP: u8 = 8;
export const RELATIONAL: u8 = 9;
export const EQUALITY: u8 = 10;
export const AND: u8 = 11;
export const XOR: u8 = 12;
export const OR: u8 = 13;
export const LOGICAL_AND: u8 = 14;
export const LOGICAL_OR: u8 = 15;
export const CONDITIONAL: u8 = 16;
export const ASSIGNMENT: u8 = 17;
export const COMMA: u8 = 18;
