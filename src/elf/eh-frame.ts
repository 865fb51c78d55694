/**
 * Where functions start and end, from the unwind tables in `.eh_frame` (Linux Standard Base 5, "Exception Frames").
 *
 * A stripped file still has them, since exceptions need them, so an address that no symbol covers can at least be told
 * apart from its neighbours. Each FDE gives one range; its CIE says how the addresses are written. The sorted table in
 * `.eh_frame_hdr` is not used, but for finding `.eh_frame` in a file without section headers.
 */

import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import {
  DW_EH_PE_ABSPTR,
  DW_EH_PE_DATAREL,
  DW_EH_PE_OMIT,
  DW_EH_PE_PCREL,
  DW_EH_PE_SDATA2,
  DW_EH_PE_SDATA4,
  DW_EH_PE_SDATA8,
  DW_EH_PE_SLEB128,
  DW_EH_PE_UDATA2,
  DW_EH_PE_UDATA4,
  DW_EH_PE_UDATA8,
  DW_EH_PE_ULEB128,
  PT_GNU_EH_FRAME,
} from "./constants.ts";
import { loadedBytes } from "./dynamic.ts";
import type { ElfFile } from "./elf-file.ts";
import { readAddress, readSize } from "./header.ts";
import { relocatedSection } from "./relocate.ts";
import { upperBound } from "./upper-bound.ts";

/** Function *i* is [starts[i], ends[i]), in virtual addresses, sorted by start. */
export type FunctionBounds = { starts: Float64Array; ends: Float64Array };

/**
 * The ranges of all FDEs; in a relocatable file, in the addresses of `layOutCode`. Damaged entries are left out and the
 * first of them is put into `elf.problems`.
 */
export function functionBounds(elf: ElfFile): FunctionBounds {
  const starts: number[] = [];
  const ends: number[] = [];
  try {
    const frames = locateFrames(elf);
    if (frames) readFrames(elf, frames, starts, ends);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    elf.problems.push(error);
  }
  const order = Uint32Array.from(starts, (_, i) => i).sort((a, b) => starts[a] - starts[b] || ends[a] - ends[b]);
  return {
    starts: Float64Array.from(order, (i) => starts[i]),
    ends: Float64Array.from(order, (i) => ends[i]),
  };
}

/** The range that contains `address`; of several, the one that starts last. */
export function findBounds(bounds: FunctionBounds, address: number): { start: number; end: number } | undefined {
  const { starts, ends } = bounds;
  const last = upperBound(starts, address) - 1;
  return last >= 0 && address < ends[last] ? { start: starts[last], end: ends[last] } : undefined;
}

/** `address` is that of the first byte; `open` when the end is not known and a terminator must be looked for. */
type Frames = { data: ByteSource; address: number; open: boolean };

function locateFrames(elf: ElfFile): Frames | undefined {
  const section = elf.section(".eh_frame");
  const data = section && relocatedSection(elf, section);
  if (data) return { data, address: section.address, open: false };
  const header = elf.sections.length === 0 && elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  if (!header) return undefined;
  // version, three encodings, then the address of .eh_frame in the first of them
  const part = ".eh_frame_hdr";
  const size = Math.min(header.fileSize, 16);
  const cursor = new Cursor(elf.source.read(header.offset, size), elf.littleEndian, elf.name, part);
  cursor.skip(1);
  const encoding = cursor.u8();
  cursor.skip(2);
  const address = readPointer(cursor, encoding, elf.is64, header.address, header.address);
  return { data: loadedBytes(elf, ".eh_frame", address), address, open: true };
}

function readFrames(elf: ElfFile, { data, address, open }: Frames, starts: number[], ends: number[]): void {
  if (data.size > MAX_SECTION && !open)
    throw new LeaklineError("limit", `${data.name}: larger than ${MAX_SECTION} bytes`);
  const cursor = new Cursor(data.read(0, Math.min(data.size, MAX_SECTION)), elf.littleEndian, elf.name, ".eh_frame");
  const size = cursor.end;
  // CIE position → how its FDEs write addresses
  const encodings = new Map<number, number>();
  let damaged = 0;
  for (let at = 0; at + 4 <= size; ) {
    cursor.end = size;
    cursor.seek(at);
    let length = cursor.u32();
    if (length === 0xffffffff) length = readSize(cursor, true);
    if (length === 0) {
      // A terminator; the linker may have put more entries behind it.
      if (open) return;
      at += 4;
      continue;
    }
    const start = cursor.position;
    if (length > size - start) throw cursor.malformed(`an entry of ${length} bytes`, at);
    at = start + length;
    try {
      cursor.end = at;
      const pointer = cursor.u32();
      if (pointer === 0) continue;
      const encoding = cieEncoding(cursor, start - pointer, encodings, elf.is64);
      cursor.end = at;
      cursor.seek(start + 4);
      const first = readPointer(cursor, encoding, elf.is64, address, 0);
      const count = readPointer(cursor, encoding & 0x0f, elf.is64, 0, 0);
      if (count > 0) {
        starts.push(first);
        ends.push(first + count);
      }
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      if (damaged === 0) elf.problems.push(error);
      if (++damaged === MAX_DAMAGED) return;
    }
  }
}

/** The encoding of addresses in the FDEs that belong to the CIE at `at`; leaves `cursor` anywhere. */
function cieEncoding(cursor: Cursor, at: number, encodings: Map<number, number>, is64: boolean): number {
  let encoding = encodings.get(at);
  if (encoding === undefined) {
    // Should reading fail, the next FDE of this CIE fails at once.
    encodings.set(at, DW_EH_PE_OMIT);
    encoding = readCieEncoding(cursor, at, is64);
    encodings.set(at, encoding);
  }
  return encoding;
}

/** @param at position of the CIE's length, or behind it when the length is the long form. */
function readCieEncoding(cursor: Cursor, at: number, is64: boolean): number {
  cursor.end = cursor.bytes.length;
  cursor.seek(at);
  const length = cursor.u32();
  const start = length === 0xffffffff ? cursor.position + 8 : cursor.position;
  cursor.end = Math.min(start + (length === 0xffffffff ? MAX_CIE : length), cursor.end);
  cursor.seek(start);
  if (cursor.u32() !== 0) throw cursor.malformed("an FDE points to something that is no CIE", start);
  const version = cursor.u8();
  const augmentation = String.fromCharCode(...cursor.cString().subarray(0, MAX_AUGMENTATION));
  if (version === 4) cursor.skip(2); // address and segment selector size
  cursor.skipLeb(); // code alignment
  cursor.skipLeb(); // data alignment
  if (version === 1) cursor.skip(1);
  else cursor.skipLeb(); // return address register
  if (!augmentation.startsWith("z")) return DW_EH_PE_ABSPTR;
  cursor.skipLeb(); // augmentation length
  for (const letter of augmentation.slice(1)) {
    if (letter === "R") return cursor.u8();
    if (letter === "L") cursor.skip(1);
    else if (letter === "P") readPointer(cursor, cursor.u8() & 0x0f, is64, 0, 0);
    else if (!"SBG".includes(letter)) throw cursor.malformed(`unknown augmentation "${augmentation}"`);
  }
  return DW_EH_PE_ABSPTR;
}

/**
 * An address in one of the DW_EH_PE encodings.
 *
 * @param address virtual address of the cursor's first byte, for addresses relative to where they stand.
 * @param dataBase for addresses relative to the data segment.
 */
function readPointer(cursor: Cursor, encoding: number, is64: boolean, address: number, dataBase: number): number {
  const position = cursor.position;
  const value = readEncoded(cursor, encoding & 0x0f, is64);
  const application = encoding & 0xf0;
  let base = 0;
  if (application === DW_EH_PE_PCREL) base = address + position;
  else if (application === DW_EH_PE_DATAREL && dataBase !== 0) base = dataBase;
  else if (application !== 0) throw cursor.malformed(`address encoding 0x${encoding.toString(16)}`, position);
  return is64 ? base + value : (base + value) >>> 0;
}

function readEncoded(cursor: Cursor, format: number, is64: boolean): number {
  switch (format) {
    case DW_EH_PE_ABSPTR:
      return readAddress(cursor, is64);
    case DW_EH_PE_ULEB128:
      return cursor.uleb();
    case DW_EH_PE_UDATA2:
      return cursor.u16();
    case DW_EH_PE_UDATA4:
      return cursor.u32();
    case DW_EH_PE_SLEB128:
      return cursor.sleb();
    case DW_EH_PE_SDATA2:
      return cursor.i16();
    case DW_EH_PE_SDATA4:
      return cursor.i32();
    case DW_EH_PE_UDATA8:
    case DW_EH_PE_SDATA8:
      return cursor.i64();
    default:
      throw cursor.malformed(`address encoding 0x${format.toString(16)}`);
  }
}

/** Browsers, the largest programs there are, have about 30 MiB. */
const MAX_SECTION = 1 << 28;
/** Damaged entries after which the rest is not read: each costs an exception. */
const MAX_DAMAGED = 1000;
const MAX_AUGMENTATION = 16;
/** Bytes of a CIE that are looked at when its length is in the long form, which nobody writes. */
const MAX_CIE = 256;
