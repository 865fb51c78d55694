/**
 * Zstandard (RFC 8878), for compressed debug sections and kernel modules where Node itself cannot: before 22.15.
 *
 * Our own, because the ports on npm trust their input: a block of ten bytes can keep them busy for minutes. Here every
 * sequence must fit the output that was agreed on, so the work is bounded by its size, and the checksum that the `zstd`
 * command writes is verified. Left out, and refused by name: dictionaries.
 */

import { LeaklineError } from "../base/errors.ts";
import { xxh64Low } from "./xxh64.ts";
import { damaged } from "./zstd-bits.ts";
import { BlockDecoder } from "./zstd-block.ts";

/** §3.1.1 and §3.1.2 */
const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** §3.1.1.1.1: bits of the frame header descriptor. */
const SINGLE_SEGMENT = 0x20;
const RESERVED_BIT = 0x08;
const HAS_CHECKSUM = 0x04;
/** §3.1.1.2.2: block types. */
const BLOCK_RAW = 0;
const BLOCK_RLE = 1;
const BLOCK_COMPRESSED = 2;

type Frame = { contentSize: number | undefined; hasChecksum: boolean; firstBlock: number };

/**
 * How many bytes a file of one frame decompresses to, according to its header.
 *
 * @returns undefined when it does not say: compressors that read from a pipe cannot.
 * @throws MalformedError when `input` does not start with a frame.
 */
export function zstdSize(input: Uint8Array): number | undefined {
  return readFrameHeader(input, 0).contentSize;
}

/**
 * Decompresses all frames of `input` to exactly `size` bytes.
 *
 * @throws MalformedError for damage or another size, LeaklineError `unsupported` when a dictionary is needed.
 */
export function decodeZstd(input: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  let from = 0;
  let to = 0;
  while (from < input.length) {
    const magic = u32(input, from);
    // Sixteen magics in a row mark a frame of somebody else's data.
    if ((magic & ~15) >>> 0 === SKIPPABLE_MAGIC) {
      from += 8 + u32(input, from + 4);
      if (from > input.length) throw damaged("a frame that is cut off", input.length);
      continue;
    }
    const frame = readFrameHeader(input, from);
    const end = readBlocks(input, frame.firstBlock, output, to);
    const content = output.subarray(to, end.to);
    if (frame.contentSize !== undefined && frame.contentSize !== content.length)
      throw damaged(`${frame.contentSize} bytes stated, ${content.length} found`, from);
    from = end.from;
    to = end.to;
    if (!frame.hasChecksum) continue;
    if (u32(input, from) !== xxh64Low(content)) throw damaged("wrong checksum of the contents", from);
    from += 4;
  }
  if (to !== size) throw damaged(`${size} bytes expected, ${to} found`, from);
  return output;
}

/** §3.1.1.1 */
function readFrameHeader(input: Uint8Array, start: number): Frame {
  if (u32(input, start) !== FRAME_MAGIC) throw damaged("not a Zstandard frame", start);
  const descriptor = byteAt(input, start + 4);
  if (descriptor & RESERVED_BIT) throw damaged("a reserved bit is set in the frame header", start + 4);
  const isSingle = (descriptor & SINGLE_SEGMENT) !== 0;
  // What follows: the window size, one byte, which we need not know; a dictionary's number; the size of the contents.
  const dictionaryAt = start + 5 + (isSingle ? 0 : 1);
  const dictionarySize = [0, 1, 2, 4][descriptor & 3];
  for (let i = 0; i < dictionarySize; i++) {
    if (byteAt(input, dictionaryAt + i) !== 0)
      throw new LeaklineError("unsupported", "zstd: compressed with a dictionary, which is not handled");
  }
  const sizeAt = dictionaryAt + dictionarySize;
  const sizeFlag = descriptor >> 6;
  const sizeLength = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  let contentSize = 0;
  for (let i = sizeLength - 1; i >= 0; i--) contentSize = contentSize * 256 + byteAt(input, sizeAt + i);
  if (sizeLength === 2) contentSize += 256;
  return {
    contentSize: sizeLength === 0 ? undefined : contentSize,
    hasChecksum: (descriptor & HAS_CHECKSUM) !== 0,
    firstBlock: sizeAt + sizeLength,
  };
}

/** §3.1.1.2. Returns where the blocks end in the input, and their contents in the output. */
function readBlocks(input: Uint8Array, from: number, output: Uint8Array, to: number): { from: number; to: number } {
  const decoder = new BlockDecoder(output, to);
  for (let isLast = false; !isLast; ) {
    const header = byteAt(input, from) | (byteAt(input, from + 1) << 8) | (byteAt(input, from + 2) << 16);
    from += 3;
    isLast = (header & 1) === 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const length = type === BLOCK_RLE ? 1 : size;
    if (from + length > input.length) throw damaged("a block that is cut off", from);
    const block = input.subarray(from, from + length);
    if (type === BLOCK_RAW) decoder.raw(block);
    else if (type === BLOCK_RLE) decoder.repeat(block[0], size);
    else if (type === BLOCK_COMPRESSED) decoder.compressed(block);
    else throw damaged("a block of reserved type", from - 3);
    from += length;
  }
  return { from, to: decoder.position };
}

function byteAt(input: Uint8Array, at: number): number {
  if (at >= input.length) throw damaged("the data is cut off", at);
  return input[at];
}

function u32(input: Uint8Array, at: number): number {
  if (at + 4 > input.length) throw damaged("the data is cut off", at);
  return (input[at] | (input[at + 1] << 8) | (input[at + 2] << 16) | (input[at + 3] << 24)) >>> 0;
}
