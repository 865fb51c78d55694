/** The text that a demangler writes, in UTF-8, with its limits (../limits.ts). There is one at a time. */

import { LEAST_OUTPUT, LEAST_STEPS, MAX_NAME_LENGTH, MAX_OUTPUT, OUTPUT_PER_BYTE, STEPS_PER_BYTE } from "../limits.ts";
import { fail } from "./failure.ts";

/** Room for the longest output, with a suffix. */
export const OUTPUT: u32 = <u32>memory.data(MAX_OUTPUT + MAX_NAME_LENGTH + 16);

/** The end of what is written. To go back to an earlier state is to call `restore` with its end. */
let end: u32 = OUTPUT;
let limit: u32 = OUTPUT;
let stepsLeft: i32 = 0;

/** @param length of the mangled name, which sets the limits. */
export function beginOutput(length: u32): void {
  end = OUTPUT;
  limit = OUTPUT + min<u32>(LEAST_OUTPUT + OUTPUT_PER_BYTE * length, MAX_OUTPUT);
  stepsLeft = LEAST_STEPS + STEPS_PER_BYTE * length;
}

export function outputEnd(): u32 {
  return end;
}

export function outputLength(): u32 {
  return end - OUTPUT;
}

export function restore(earlier: u32): void {
  end = earlier;
}

/** A literal of ASCII. */
export function append(text: string): void {
  const length = <u32>text.length;
  if (limit - end < length) fail();
  const from = changetype<usize>(text);
  for (let i: u32 = 0; i < length; i++) store<u8>(end + i, load<u8>(from + (i << 1)));
  end += length;
}

/** Bytes of memory, of the name mostly. */
export function appendBytes(from: u32, length: u32): void {
  if (limit - end < length) fail();
  for (let i: u32 = 0; i < length; i++) store<u8>(end + i, load<u8>(from + i));
  end += length;
}

export function appendByte(byte: u8): void {
  if (end === limit) fail();
  store<u8>(end++, byte);
}

/** ` (.llvm.123)`: what stands in a name from its first dot on. It is not limited, for it is written once. */
export function appendSuffix(from: u32, length: u32): void {
  limit = end + length + 3;
  append(" (");
  appendBytes(from, length);
  append(")");
}

/** What was written last; 0 when nothing is. */
export function lastByte(): u8 {
  return end === OUTPUT ? 0 : load<u8>(end - 1);
}

/** Counts work: by default one node or production. */
export function step(count: u32 = 1): void {
  stepsLeft -= count;
  if (stepsLeft < 0) fail();
}
