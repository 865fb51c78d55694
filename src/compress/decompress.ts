/**
 * Decompression with what Node has, our own xz, and our own zstd where Node has none.
 *
 * The pure layers are handed this function, so that a browser can bring its own. It never produces more than the size
 * it is told: whoever calls it bounds that size by the compressed bytes there are.
 */

import type { Decompress } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { decodeXz } from "./xz.ts";
import { decodeZstd } from "./zstd.ts";

type Inflate = (input: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Uint8Array;
type Zlib = typeof import("node:zlib") & {
  /** Node has it from 22.15 on. */
  zstdDecompressSync?: Inflate;
};

/** Loaded when something is compressed: that takes a millisecond. */
function nodeZlib(): Zlib {
  return process.getBuiltinModule("node:zlib");
}

/**
 * Decompresses `input` to exactly `size` bytes.
 *
 * @throws LeaklineError `malformed` when the input is damaged or does not have that size.
 */
export const decompress: Decompress = (method, input, size) => {
  const output = decode(method, input, size);
  if (output.length !== size)
    throw new LeaklineError("malformed", `${method}: ${size} bytes expected, ${output.length} found`);
  return output;
};

function decode(method: Parameters<Decompress>[0], input: Uint8Array, size: number): Uint8Array {
  if (method === "xz") return decodeXz(input, size);
  const { gunzipSync, inflateSync, zstdDecompressSync } = nodeZlib();
  if (method === "zstd" && !zstdDecompressSync) return decodeZstd(input, size);
  const inflate = method === "zlib" ? inflateSync : method === "gzip" ? gunzipSync : zstdDecompressSync;
  try {
    // At least 1: zlib refuses a limit of 0. As one chunk, with room to spare, since several are copied into one at the end.
    return (inflate as Inflate)(input, { maxOutputLength: Math.max(size, 1), chunkSize: size + 64 });
  } catch (cause) {
    throw new LeaklineError("malformed", `${method}: ${(cause as Error).message}`, { cause });
  }
}
