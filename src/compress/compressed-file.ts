/**
 * Recognizes files that are compressed as a whole, as distributions ship kernel modules: `.ko.xz`, `.ko.zst`, `.ko.gz`.
 * Their bytes decide, not their names.
 */

import type { Decompress } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { GZIP_MAGIC, XZ_MAGIC, ZSTD_MAGIC } from "./magic.ts";
import { xzSize } from "./xz.ts";
import { zstdSize } from "./zstd.ts";

/** Enough to recognize any of them. */
export const MAGIC_LENGTH = 6;

/** By its first bytes: how the file is compressed, undefined when it is not. */
export function compressionOf(start: Uint8Array): "xz" | "zstd" | "gzip" | undefined {
  if (startsWith(start, XZ_MAGIC)) return "xz";
  if (startsWith(start, ZSTD_MAGIC)) return "zstd";
  if (startsWith(start, GZIP_MAGIC)) return "gzip";
  return undefined;
}

/**
 * Decompresses a file that states its size, as those of `xz`, `zstd` and `gzip` do.
 *
 * @param name for messages.
 * @param limit most bytes to produce.
 * @throws LeaklineError `malformed`, `limit`, or `unsupported` when the file does not state its size.
 */
export function decompressFile(name: string, input: Uint8Array, limit: number, decompress: Decompress): Uint8Array {
  const method = compressionOf(input);
  if (!method) return input;
  const size = method === "xz" ? xzSize(input) : method === "zstd" ? zstdSize(input) : gzipSize(input);
  if (size === undefined) {
    throw new LeaklineError("unsupported", `${name}: does not state its size`, { hint: "decompress it first" });
  }
  if (size > limit)
    throw new LeaklineError("limit", `${name}: decompresses to ${size} bytes, at most ${limit} allowed`);
  if (size > input.length * MAX_RATIO)
    throw new MalformedError(name, "size", 0, `${input.length} compressed bytes cannot stand for ${size}`);
  return decompress(method, input, size);
}

/** The last four bytes (RFC 1952 §2.3.1): modulo 2^32, and of the last member only, so decompressing must confirm it. */
function gzipSize(input: Uint8Array): number {
  const at = input.length - 4;
  if (at < 2) throw new MalformedError("gzip", "trailer", 0, "the data is cut off");
  return (input[at] | (input[at + 1] << 8) | (input[at + 2] << 16) | (input[at + 3] << 24)) >>> 0;
}

function startsWith(bytes: Uint8Array, magic: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/** What deflate reaches on endless zeros; ELF files stay below 20 in any format. */
const MAX_RATIO = 1032;
