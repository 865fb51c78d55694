/** What a node is. The first three are text: text.ts; the others are in node.ts. */

export const LITERAL: u8 = 0;
export const EXCERPT: u8 = 1;
export const COMPOUND: u8 = 2;

export const PHRASE: u8 = 3;
export const NAME: u8 = 4;
export const LIST: u8 = 5;
export const GROUP: u8 = 6;
export const GREATER: u8 = 7;
export const QUALIFIED: u8 = 8;
export const POINTER: u8 = 9;
export const REFERENCE: u8 = 10;
export const MEMBER_POINTER: u8 = 11;
export const ARRAY: u8 = 12;
export const FUNCTION: u8 = 13;
export const DECLARATION: u8 = 14;
export const PACK: u8 = 15;
export const EXPANSION: u8 = 16;
export const FORWARD_REFERENCE: u8 = 17;
