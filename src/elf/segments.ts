/**
 * Program headers (gABI 5, "Program Header"): which part of the file is loaded at which virtual address.
 *
 * They are what turns a file offset into a virtual address; section headers are not needed at run time and may be
 * gone.
 */

import { type FileOffset, fileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { PF_X, PT_LOAD } from "./constants.ts";
import { type ElfHeader, programHeaderSize, readAddress, readHeaderTable, readSize } from "./header.ts";

/** One program header. */
export type Segment = {
  /** `PT_*` */
  type: number;
  /** `PF_*` */
  flags: number;
  offset: FileOffset;
  address: VirtualAddress;
  /** Bytes in the file. */
  fileSize: number;
  /** Bytes in memory; those beyond `fileSize` are zero. */
  memorySize: number;
  align: number;
};

/** @throws MalformedError when the table does not fit the file. */
export function readSegments(source: ByteSource, header: ElfHeader): Segment[] {
  const { is64, segmentTable } = header;
  const bytes = readHeaderTable(source, "program headers", segmentTable, programHeaderSize(is64));
  const cursor = new Cursor(bytes, header.littleEndian, source.name, "program headers");
  const segments: Segment[] = [];
  for (let at = 0; at < bytes.length; at += segmentTable.entrySize) {
    cursor.seek(at);
    const type = cursor.u32();
    let flags = is64 ? cursor.u32() : 0;
    const offset = fileOffset(readSize(cursor, is64));
    const address = virtualAddress(readAddress(cursor, is64));
    readAddress(cursor, is64); // p_paddr
    const fileSize = readSize(cursor, is64);
    const memorySize = readSize(cursor, is64);
    if (!is64) flags = cursor.u32();
    const align = readSize(cursor, is64);
    segments.push({ type, flags, offset, address, fileSize, memorySize, align });
  }
  return segments;
}

/**
 * The virtual address at which the linker put the byte at `offset` of the file.
 *
 * Only PT_LOAD counts, and only up to p_filesz: what follows in memory does not come from the file. Where segments
 * share a page of the file, the executable one is preferred, since what is looked up is code.
 *
 * @returns undefined when no segment loads that byte.
 */
export function fileOffsetToVirtual(segments: readonly Segment[], offset: FileOffset): VirtualAddress | undefined {
  const segment = findLoad(segments, (load) => offset >= load.offset && offset - load.offset < load.fileSize);
  return segment && virtualAddress(offset - segment.offset + segment.address);
}

/**
 * Where in the file the byte at a virtual address is. The reverse of `fileOffsetToVirtual`.
 *
 * @returns undefined for an address that no segment loads from the file (a zeroed tail, for example).
 */
export function virtualToFileOffset(segments: readonly Segment[], address: VirtualAddress): FileOffset | undefined {
  const segment = findLoad(segments, (load) => address >= load.address && address - load.address < load.fileSize);
  return segment && fileOffset(address - segment.address + segment.offset);
}

function findLoad(segments: readonly Segment[], covers: (load: Segment) => boolean): Segment | undefined {
  const candidates = segments.filter((segment) => segment.type === PT_LOAD && covers(segment));
  return candidates.find((segment) => segment.flags & PF_X) ?? candidates[0];
}
