/**
 * The bytes of a section, decompressed where the file has them compressed.
 *
 * Two ways of compressing exist: SHF_COMPRESSED (gABI 4, "Section Compression") and the older GNU one, whose sections
 * are named `.zdebug_*` and start with "ZLIB" and the size as eight big-endian bytes. The size that a header states is
 * not trusted: it must be one that the compressed bytes can reach, and the result must have exactly that size.
 */

import { type ByteSource, checkRange, type Decompress, decodeText, memorySource, sliceSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD, SHF_COMPRESSED, SHT_NOBITS } from "./constants.ts";
import { type ElfHeader, readSize } from "./header.ts";
import type { Section } from "./sections.ts";

/**
 * @returns undefined for a section that has no bytes in the file (SHT_NOBITS).
 * @throws MalformedError when the section lies outside the file or about its size; LeaklineError `unsupported` when
 * it is compressed and there is nothing to decompress it with.
 */
export function readSectionData(
  source: ByteSource,
  header: ElfHeader,
  section: Section,
  decompress: Decompress | undefined,
): ByteSource | undefined {
  if (section.type === SHT_NOBITS) return undefined;
  const name = `${source.name}: ${section.name}`;
  checkRange(name, source.size, section.offset, section.size);
  const raw = sliceSource(source, name, section.offset, section.size);
  const stream = compressedStream(raw, header, section);
  if (!stream) return raw;
  const { method, start, size } = stream;
  const length = raw.size - start;
  if (length > MAX_COMPRESSED || size > largestDecompressed(length))
    throw new MalformedError(name, "compression header", 0, `${length} compressed bytes cannot stand for ${size}`);
  if (!decompress) {
    throw new LeaklineError("unsupported", `${name}: is compressed (${method})`, {
      hint: "pass a `decompress` function to openElf",
    });
  }
  const piecewise = decompress.piecewise?.(method, sliceSource(raw, name, start, length), size);
  if (piecewise) return piecewise;
  const bytes = decompress(method, raw.read(start, length), size);
  if (bytes.length !== size)
    throw new MalformedError(name, "compression header", 0, `${size} bytes stated, ${bytes.length} found`);
  return memorySource(name, bytes);
}

type CompressedStream = { method: "zlib" | "zstd"; start: number; size: number };

/** What the section's compression header says, undefined when the section is not compressed. */
function compressedStream(raw: ByteSource, header: ElfHeader, section: Section): CompressedStream | undefined {
  const { is64, littleEndian } = header;
  const part = "compression header";
  if (section.flags & SHF_COMPRESSED) {
    const length = is64 ? 24 : 12;
    const cursor = new Cursor(raw.read(0, Math.min(length, raw.size)), littleEndian, raw.name, part);
    const type = cursor.u32();
    if (is64) cursor.skip(4); // ch_reserved
    const size = readSize(cursor, is64);
    readSize(cursor, is64); // ch_addralign
    if (type !== ELFCOMPRESS_ZLIB && type !== ELFCOMPRESS_ZSTD)
      throw new LeaklineError("unsupported", `${raw.name}: compressed by unknown method ${type}`);
    return { method: type === ELFCOMPRESS_ZLIB ? "zlib" : "zstd", start: length, size };
  }
  if (section.name.startsWith(".zdebug_")) {
    const cursor = new Cursor(raw.read(0, Math.min(12, raw.size)), false, raw.name, part);
    if (decodeText(cursor.view(4)) !== "ZLIB") throw cursor.malformed("no ZLIB magic", 0);
    return { method: "zlib", start: 12, size: readSize(cursor, true) };
  }
  return undefined;
}

/** The largest size that so many compressed bytes are believed to have: memory in proportion to the file. */
export function largestDecompressed(length: number): number {
  return Math.min((length + 1) * MAX_RATIO, Math.max(ALWAYS_DECOMPRESSED, length * PLAUSIBLE_RATIO));
}

/** Deflate reaches 1032:1 on endless zeros (zlib's technical notes). */
const MAX_RATIO = 1032;
/** Debug information stays below 20:1 in any format. */
const PLAUSIBLE_RATIO = 64;
/** What may be decompressed at any ratio: 64 MiB. */
const ALWAYS_DECOMPRESSED = 1 << 26;
/** Largest compressed section that is read: 1 GiB. */
const MAX_COMPRESSED = 1 << 30;
