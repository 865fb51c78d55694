/**
 * An unwind table as a file of its own, so that it can be made on another machine and shipped to a small one: there it
 * is read in a fraction of the time and memory that compiling the ELF file takes, which need not even keep its tables.
 *
 * Little-endian:
 *
 *     0   8 bytes   "LLUNWIND"
 *     8   u32       version of the format, 1
 *     12  u32       machine of the ELF file (e_machine)
 *     16  i64       base: the virtual address that rows are relative to
 *     24  u32       how many rows
 *     28  u32       how many different rules
 *     32  u32       length of the build ID, then its bytes
 *         u32 …     the rules (rule.ts), each once
 *         rows      two unsigned LEB128 each: the distance from the start of the row before (of the first: from the
 *                   base), and the number of its rule
 *         u32       checksum of all that comes before: the low half of XXH64
 *
 * A file has a few hundred different rules and rows a few bytes apart, so a row takes two to three bytes instead of
 * eight.
 */

import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { xxh64Low } from "../compress/xxh64.ts";
import { EM_X86_64 } from "../elf/constants.ts";
import { isRule } from "./rule.ts";
import { MAX_ROWS } from "./rule-rows.ts";
import type { UnwindTable } from "./unwind-table.ts";

/** Raised when older readers would misread. */
export const TABLE_VERSION = 1;

/** More bytes than any table of MAX_ROWS rows takes. */
export const MAX_TABLE_FILE = 1 << 28;

const MAGIC = new TextEncoder().encode("LLUNWIND");
const HEADER_SIZE = 36;

/** @param buildId in hexadecimal: of the file that the table belongs to. */
export function encodeTable(table: UnwindTable, buildId: string): Uint8Array {
  const { starts, rules } = table;
  const id = fromHex(buildId);
  const numbers = numberRules(rules);
  const bytes = new Uint8Array(HEADER_SIZE + id.length + numbers.size * 4 + starts.length * MAX_ROW_SIZE + 4);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, TABLE_VERSION, true);
  view.setUint32(12, EM_X86_64, true);
  view.setBigInt64(16, BigInt(table.base), true);
  view.setUint32(24, starts.length, true);
  view.setUint32(28, numbers.size, true);
  view.setUint32(32, id.length, true);
  bytes.set(id, HEADER_SIZE);
  let at = HEADER_SIZE + id.length;
  for (const rule of numbers.keys()) {
    view.setUint32(at, rule, true);
    at += 4;
  }
  let before = 0;
  for (let row = 0; row < starts.length; row++) {
    at = writeUleb(bytes, at, starts[row] - before);
    at = writeUleb(bytes, at, numbers.get(rules[row])!);
    before = starts[row];
  }
  view.setUint32(at, xxh64Low(bytes.subarray(0, at)), true);
  return bytes.slice(0, at + 4);
}

/**
 * Reads a table, `gaps` excepted, which are not kept.
 *
 * @param name of the file, for errors.
 * @param buildId of the file that is wanted, in hexadecimal.
 * @throws MalformedError when the bytes are damaged or no table; LeaklineError `mismatch` when it is that of another
 *   file, `unsupported` for another version or machine.
 */
export function decodeTable(bytes: Uint8Array, name: string, buildId: string): UnwindTable {
  const cursor = new Cursor(bytes, true, name, "unwind table");
  for (const byte of MAGIC) if (cursor.u8() !== byte) throw cursor.malformed("not an unwind table", 0);
  const version = cursor.u32();
  if (version !== TABLE_VERSION) {
    throw new LeaklineError("unsupported", `${name}: version ${version}, only ${TABLE_VERSION} can be read`, {
      hint: "prepare it again, with this leakline",
    });
  }
  checkSum(cursor);
  const machine = cursor.u32();
  if (machine !== EM_X86_64) throw new LeaklineError("unsupported", `${name}: for machine ${machine}, not x86-64`);
  const base = cursor.i64();
  const rowCount = cursor.u32();
  const ruleCount = cursor.u32();
  const idLength = cursor.u32();
  if (!Number.isSafeInteger(base)) throw cursor.malformed("a base beyond 2^53", 16);
  if (rowCount > MAX_ROWS) throw cursor.malformed(`${rowCount} rows, of ${MAX_ROWS} at most`, 24);
  const id = toHex(cursor.view(idLength));
  if (id !== buildId) throw new LeaklineError("mismatch", `${name}: of the file with build ID ${id}, not ${buildId}`);
  const numbered = readRules(cursor, ruleCount);
  // A count that lies must not cost memory.
  if (rowCount * 2 > cursor.remaining)
    throw cursor.malformed(`${rowCount} rows wanted, ${cursor.remaining} bytes left`);
  const starts = new Uint32Array(rowCount);
  const rules = new Uint32Array(rowCount);
  let start = 0;
  for (let row = 0; row < rowCount; row++) {
    const distance = cursor.uleb();
    const number = cursor.uleb();
    start += distance;
    if ((distance === 0 && row > 0) || start >= 2 ** 32) throw cursor.malformed("rows that do not ascend");
    if (number >= numbered.length) throw cursor.malformed(`rule ${number}, of ${numbered.length}`);
    starts[row] = start;
    rules[row] = numbered[number];
  }
  if (cursor.remaining > 0) throw cursor.malformed("bytes behind the last row");
  return { starts, rules, base, gaps: {} };
}

/** Checks the last four bytes, and ends the cursor before them. */
function checkSum(cursor: Cursor): void {
  const { bytes } = cursor;
  const end = Math.max(cursor.position, bytes.length - 4);
  const stated = new Cursor(bytes.subarray(end), true, cursor.file, cursor.part, end).u32();
  if (xxh64Low(bytes.subarray(0, end)) !== stated) throw cursor.malformed("the checksum is wrong: damaged", end);
  cursor.end = end;
}

function readRules(cursor: Cursor, count: number): Uint32Array {
  if (count * 4 > cursor.remaining) throw cursor.malformed(`${count} rules wanted, ${cursor.remaining} bytes left`);
  const rules = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const rule = cursor.u32();
    if (!isRule(rule)) throw cursor.malformed(`0x${rule.toString(16)} is not a rule`);
    rules[i] = rule;
  }
  return rules;
}

/** Each rule once, with its number, in the order of their first rows. */
function numberRules(rules: Uint32Array): Map<number, number> {
  const numbers = new Map<number, number>();
  for (let row = 0; row < rules.length; row++) if (!numbers.has(rules[row])) numbers.set(rules[row], numbers.size);
  return numbers;
}

/** @returns the position behind it. */
function writeUleb(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    bytes[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

/** Two numbers of 32 bits as LEB128. */
const MAX_ROW_SIZE = 10;

function fromHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
