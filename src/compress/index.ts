/**
 * The public face of compress/. `decompress` needs Node; what is pure is imported from its own file by the pure layers.
 */

export { compressionOf, decompressFile, MAGIC_LENGTH } from "./compressed-file.ts";
export { crc32 } from "./crc.ts";
export { decompress } from "./decompress.ts";
export { decodeXz, xzSize } from "./xz.ts";
export { decodeZstd, zstdSize } from "./zstd.ts";
