/**
 * The dynamic symbols of a file without section headers, the way the dynamic linker finds them (gABI 5, "Dynamic
 * Section" and "Hash Table").
 *
 * PT_DYNAMIC says where the symbols and strings are, by virtual address, but not how many symbols there are: that
 * comes from a hash table, the classic one or GNU's.
 */

import { virtualAddress } from "../base/address.ts";
import { type ByteSource, sliceSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { MalformedError } from "../base/errors.ts";
import {
  DT_GNU_HASH,
  DT_HASH,
  DT_NULL,
  DT_STRSZ,
  DT_STRTAB,
  DT_SYMTAB,
  EM_S390,
  PT_DYNAMIC,
  PT_LOAD,
} from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";
import { readAddress } from "./header.ts";

/**
 * @returns undefined when the file is not dynamic.
 * @throws MalformedError when an entry points outside the file.
 */
export function findDynamicSymbols(
  elf: ElfFile,
): { rows: ByteSource; strings: ByteSource; extended: undefined } | undefined {
  const entries = readDynamic(elf);
  const symbols = entries.get(DT_SYMTAB);
  const strings = entries.get(DT_STRTAB);
  if (symbols === undefined || strings === undefined) return undefined;
  const count = countSymbols(elf, entries);
  return {
    rows: loadedBytes(elf, ".dynsym", symbols, count * (elf.is64 ? 24 : 16)),
    strings: loadedBytes(elf, ".dynstr", strings, entries.get(DT_STRSZ)),
    extended: undefined,
  };
}

/** Tag → value; the first one counts. Empty when there is no PT_DYNAMIC. */
function readDynamic(elf: ElfFile): Map<number, number> {
  const entries = new Map<number, number>();
  const segment = elf.segments.find((candidate) => candidate.type === PT_DYNAMIC);
  if (!segment) return entries;
  const size = Math.min(segment.fileSize, MAX_DYNAMIC);
  const cursor = new Cursor(elf.source.read(segment.offset, size), elf.littleEndian, elf.name, "PT_DYNAMIC");
  const entrySize = elf.is64 ? 16 : 8;
  while (cursor.remaining >= entrySize) {
    const tag = readAddress(cursor, elf.is64);
    const value = readAddress(cursor, elf.is64);
    if (tag === DT_NULL) break;
    if (!entries.has(tag)) entries.set(tag, value);
  }
  return entries;
}

/** The number of dynamic symbols, according to a hash table. */
function countSymbols(elf: ElfFile, entries: Map<number, number>): number {
  const classic = entries.get(DT_HASH);
  if (classic !== undefined) {
    // nbucket, nchain; there is one chain entry for each symbol. On s390x alone both are 64 bits wide.
    const wide = elf.machine === EM_S390 && elf.is64;
    const table = loadedBytes(elf, "DT_HASH", classic);
    const cursor = new Cursor(table.read(0, wide ? 16 : 8), elf.littleEndian, elf.name, "DT_HASH");
    readAddress(cursor, wide);
    return readAddress(cursor, wide);
  }
  const gnu = entries.get(DT_GNU_HASH);
  if (gnu === undefined) throw new MalformedError(elf.name, "PT_DYNAMIC", 0, "no hash table to count the symbols by");
  return countByGnuHash(elf, loadedBytes(elf, "DT_GNU_HASH", gnu));
}

/**
 * Symbols below `firstHashed` are in no chain. The last symbol is the end of the chain that starts highest; chains are
 * runs in one array, each ended by an odd value.
 */
function countByGnuHash(elf: ElfFile, table: ByteSource): number {
  const header = new Cursor(table.read(0, 16), elf.littleEndian, elf.name, "DT_GNU_HASH");
  const bucketCount = header.u32();
  const firstHashed = header.u32();
  const bloomWords = header.u32();
  if (bucketCount > MAX_BUCKETS) throw new MalformedError(elf.name, "DT_GNU_HASH", 0, `${bucketCount} buckets`);
  const bucketsAt = 16 + bloomWords * (elf.is64 ? 8 : 4);
  const buckets = new Cursor(table.read(bucketsAt, bucketCount * 4), elf.littleEndian, elf.name, "DT_GNU_HASH");
  let last = 0;
  for (let i = 0; i < bucketCount; i++) last = Math.max(last, buckets.u32());
  // Nothing is defined here, only imported: the imports cannot be counted, and nobody looks for them by address.
  if (last < firstHashed) return firstHashed;
  const chainsAt = bucketsAt + bucketCount * 4;
  const chainAt = chainsAt + (last - firstHashed) * 4;
  const chain = new Cursor(
    table.read(chainAt, Math.max(0, Math.min(table.size - chainAt, MAX_CHAIN))),
    elf.littleEndian,
    elf.name,
    "DT_GNU_HASH",
    chainAt,
  );
  while ((chain.u32() & 1) === 0) last++;
  return last + 1;
}

/**
 * The bytes that a segment loads from a virtual address on.
 *
 * @param size how many; without it, all to the end of the segment.
 * @throws MalformedError when the file does not have them there.
 */
export function loadedBytes(elf: ElfFile, part: string, address: number, size?: number): ByteSource {
  for (const segment of elf.segments) {
    const within = address - segment.address;
    if (segment.type !== PT_LOAD || within < 0 || within >= segment.fileSize) continue;
    const available = segment.fileSize - within;
    if (size !== undefined && size > available) break;
    return sliceSource(elf.source, `${elf.name}: ${part}`, segment.offset + within, size ?? available);
  }
  const where = virtualAddress(address);
  throw new MalformedError(elf.name, part, where, "no segment loads it from the file");
}

/** Real ones have a few dozen entries. */
const MAX_DYNAMIC = 1 << 16;
/** There are fewer buckets than symbols. */
const MAX_BUCKETS = 1 << 24;
/** Bytes of one hash chain that are followed. */
const MAX_CHAIN = 1 << 16;
