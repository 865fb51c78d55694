/** First bytes of compressed files. Apart from the decoders, which are loaded when something is compressed. */

/** The xz file format, §2.1.1.1. */
export const XZ_MAGIC = Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00);
/** RFC 8878 §3.1.1 */
export const ZSTD_MAGIC = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);
/** RFC 1952 §2.3.1 */
export const GZIP_MAGIC = Uint8Array.of(0x1f, 0x8b);
