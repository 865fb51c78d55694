/**
 * The xz container ("The .xz File Format" 1.2.0) around LZMA2, for MiniDebugInfo.
 *
 * The index at the end is read first: it says where each block is and how large it becomes, so nothing is allocated
 * that the caller did not agree to. Every checksum that the format has is verified. Left out, and refused by name:
 * several streams in one file, filters other than LZMA2 and SHA-256 checks; the tools that make MiniDebugInfo use none.
 */

import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { crc32, crc64 } from "./crc.ts";
import { decodeLzma2 } from "./lzma2.ts";
import { XZ_MAGIC } from "./magic.ts";

/** §2.1.1: magic, two bytes of stream flags, CRC-32 of the flags. The footer has the same length. */
const HEADER_SIZE = 12;
const FOOTER_MAGIC = [0x59, 0x5a];
/** §2.1.1.2: check type → bytes. */
const CHECK_NONE = 0x00;
const CHECK_CRC32 = 0x01;
const CHECK_CRC64 = 0x04;
const CHECK_SIZE = new Map([
  [CHECK_NONE, 0],
  [CHECK_CRC32, 4],
  [CHECK_CRC64, 8],
]);
/** §5.3.1 */
const FILTER_LZMA2 = 0x21;
/** §3.1.2: block flags. */
const FILTER_COUNT_MASK = 0x03;
const HAS_COMPRESSED_SIZE = 0x40;
const HAS_UNCOMPRESSED_SIZE = 0x80;
const RESERVED_FLAGS = 0x3c;

/** One block, from the index: its bytes in the file without the padding in front of its check, and its size decompressed. */
type Block = { start: number; unpaddedSize: number; size: number };
type Stream = { checkType: number; blocks: Block[]; size: number };

/**
 * How many bytes an xz file decompresses to, according to its index.
 *
 * @throws MalformedError, or LeaklineError `unsupported` for a variant that is not handled.
 */
export function xzSize(input: Uint8Array): number {
  return readStream(input).size;
}

/**
 * Decompresses an xz file.
 *
 * @param limit most bytes to produce.
 * @throws MalformedError for damage, LeaklineError `limit` when the result would be larger, `unsupported` for a
 * variant that is not handled.
 */
export function decodeXz(input: Uint8Array, limit: number): Uint8Array {
  const { checkType, blocks, size } = readStream(input);
  if (size > limit) throw new LeaklineError("limit", `xz: decompresses to ${size} bytes, at most ${limit} allowed`);
  const output = new Uint8Array(size);
  let at = 0;
  for (const block of blocks) {
    decodeBlock(input, block, checkType, output.subarray(at, at + block.size));
    at += block.size;
  }
  return output;
}

/** Reads header, footer and index (§2.1, §4). */
function readStream(input: Uint8Array): Stream {
  const cursor = new Cursor(input, true, "xz", "stream");
  if (input.length < 2 * HEADER_SIZE || !XZ_MAGIC.every((byte, i) => input[i] === byte))
    throw cursor.malformed("not an xz file", 0);
  cursor.seek(6);
  const flags = cursor.u16();
  if (cursor.u32() !== crc32(input.subarray(6, 8))) throw cursor.malformed("wrong header checksum", 8);

  const footer = input.length - HEADER_SIZE;
  cursor.seek(footer);
  const footerCheck = cursor.u32();
  const indexSize = (cursor.u32() + 1) * 4;
  const footerFlags = cursor.u16();
  if (!FOOTER_MAGIC.every((byte, i) => input[footer + 10 + i] === byte))
    throw cursor.malformed("no footer: the file is cut off or padded", footer);
  if (footerCheck !== crc32(input.subarray(footer + 4, footer + 10)) || footerFlags !== flags)
    throw cursor.malformed("wrong footer checksum or flags", footer);
  // The first flags byte and the high half of the second are reserved.
  const checkType = flags >> 8;
  if (flags & 0xff || !CHECK_SIZE.has(checkType))
    throw new LeaklineError("unsupported", `xz: stream flags 0x${flags.toString(16)} are not handled`);
  const index = footer - indexSize;
  if (index < HEADER_SIZE) throw cursor.malformed("index larger than the file", footer + 4);
  return { checkType, ...readIndex(input, index, footer) };
}

/** @param start,end where the index lies in `input`. */
function readIndex(input: Uint8Array, start: number, end: number): { blocks: Block[]; size: number } {
  const cursor = new Cursor(input.subarray(start, end), true, "xz", "index", start);
  cursor.end -= 4;
  const checked = cursor.bytes.subarray(0, cursor.end);
  if (cursor.u8() !== 0) throw cursor.malformed("no index where the footer says", 0);
  const count = cursor.uleb();
  // A record takes at least two bytes.
  if (count > cursor.remaining / 2) throw cursor.malformed(`${count} blocks do not fit the index`);
  const blocks: Block[] = [];
  let at = HEADER_SIZE;
  let size = 0;
  for (let i = 0; i < count; i++) {
    const block = { start: at, unpaddedSize: cursor.uleb(), size: cursor.uleb() };
    at += padded(block.unpaddedSize);
    size += block.size;
    blocks.push(block);
  }
  if (at > start || size > Number.MAX_SAFE_INTEGER) throw cursor.malformed("blocks larger than the file");
  if (at < start) throw new LeaklineError("unsupported", "xz: several streams in one file are not handled");
  if (cursor.remaining > 3) throw cursor.malformed("bytes left in the index");
  cursor.seek(cursor.end);
  cursor.end += 4;
  if (cursor.u32() !== crc32(checked)) throw cursor.malformed("wrong index checksum");
  return { blocks, size };
}

/** Decodes one block (§3) into `output`, which has the size that the index states. */
function decodeBlock(input: Uint8Array, block: Block, checkType: number, output: Uint8Array): void {
  const { start, unpaddedSize } = block;
  const cursor = new Cursor(input.subarray(start, start + padded(unpaddedSize)), true, "xz", "block", start);
  const headerSize = (cursor.u8() + 1) * 4;
  const checkSize = CHECK_SIZE.get(checkType)!;
  const dataEnd = unpaddedSize - checkSize;
  if (headerSize > dataEnd) throw cursor.malformed("block header larger than the block", 0);
  cursor.seek(headerSize - 4);
  if (cursor.u32() !== crc32(cursor.bytes.subarray(0, headerSize - 4)))
    throw cursor.malformed("wrong block header checksum", 0);

  cursor.seek(1);
  const flags = cursor.u8();
  if (flags & RESERVED_FLAGS) throw new LeaklineError("unsupported", "xz: unknown block flags");
  // Both sizes repeat what the index says.
  if (flags & HAS_COMPRESSED_SIZE && cursor.uleb() !== dataEnd - headerSize)
    throw cursor.malformed("compressed size differs from the index");
  if (flags & HAS_UNCOMPRESSED_SIZE && cursor.uleb() !== output.length)
    throw cursor.malformed("decompressed size differs from the index");
  const filter = cursor.uleb();
  if (flags & FILTER_COUNT_MASK || filter !== FILTER_LZMA2)
    throw new LeaklineError("unsupported", `xz: filter 0x${filter.toString(16)} is not handled, only LZMA2 is`);

  decodeLzma2(cursor.bytes.subarray(headerSize, dataEnd), output, start + headerSize);
  // The padding stands between the data and the check.
  cursor.seek(dataEnd);
  if (cursor.view(padded(dataEnd) - dataEnd).some((byte) => byte !== 0)) throw cursor.malformed("padding is not zero");
  if (!checkMatches(cursor, checkType, output)) throw cursor.malformed("wrong checksum of the contents", dataEnd);
}

function checkMatches(cursor: Cursor, checkType: number, output: Uint8Array): boolean {
  if (checkType === CHECK_CRC32) return cursor.u32() === crc32(output);
  if (checkType === CHECK_CRC64) {
    const { low, high } = crc64(output);
    return cursor.u32() === low && cursor.u32() === high;
  }
  return true;
}

/** Blocks are padded to a multiple of four bytes. */
function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}
