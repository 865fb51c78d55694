/**
 * Decompression with what Node has, and our own xz.
 *
 * The pure layers are handed this function, so that a browser can bring its own. It never produces more than the size
 * it is told: whoever calls it bounds that size by the compressed bytes there are.
 */

import * as zlib from "node:zlib";
import type { Decompress } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { decodeXz } from "./xz.ts";

/** `zlib.zstdDecompressSync`, which Node has from 22.15 on. */
type Inflate = (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/**
 * Decompresses `input` to exactly `size` bytes.
 *
 * @throws LeaklineError `malformed` when the input is damaged or does not have that size, `unsupported` when this Node
 * has no zstd.
 */
export const decompress: Decompress = (method, input, size) => {
  const output = method === "xz" ? decodeXz(input, size) : inflate(method, input, size);
  if (output.length !== size)
    throw new LeaklineError("malformed", `${method}: ${size} bytes expected, ${output.length} found`);
  return output;
};

function inflate(method: "zlib" | "zstd", input: Uint8Array, size: number): Uint8Array {
  const run: Inflate | undefined = method === "zlib" ? zlib.inflateSync : zstd();
  if (!run) {
    throw new LeaklineError("unsupported", "zstd: this version of Node cannot decompress it", {
      hint: "use Node 22.15 or newer, or recompress with objcopy --compress-debug-sections=zlib",
    });
  }
  try {
    // At least 1: zlib refuses a limit of 0.
    return run(input, { maxOutputLength: Math.max(size, 1) });
  } catch (cause) {
    throw new LeaklineError("malformed", `${method}: ${(cause as Error).message}`, { cause });
  }
}

function zstd(): Inflate | undefined {
  return (zlib as unknown as { zstdDecompressSync?: Inflate }).zstdDecompressSync;
}
