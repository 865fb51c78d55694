/**
 * Decompression that needs nothing but the language: for a browser, and wherever else there is no `node:zlib`.
 *
 * Zlib takes three times as long as with Node; see `decompress.ts`.
 */

import type { Decompress } from "../base/bytes.ts";
import { inflateGzip, inflateZlib } from "./inflate.ts";
import { decodeXz } from "./xz.ts";
import { decodeZstd } from "./zstd.ts";

const decoders = { zlib: inflateZlib, gzip: inflateGzip, zstd: decodeZstd, xz: decodeXz };

/**
 * Decompresses `input` to exactly `size` bytes.
 *
 * @throws LeaklineError `malformed` when the input is damaged or does not have that size.
 */
export const decompressPortably: Decompress = (method, input, size) => decoders[method](input, size);
