/**
 * LZMA2: LZMA in chunks of at most 2 MiB, each with its sizes, so that every step is bounded (chunk layout as in the
 * comment at the head of `lzma2_decoder.c` of XZ Utils and in "The .xz File Format" §5.3.1).
 *
 * The first byte of a chunk says what it is:
 *
 *     00         end
 *     01, 02     stored bytes, 01 with a new dictionary: size - 1 in 2 bytes, then the bytes
 *     80 … ff    LZMA: 1rrsssss; 5 bits and 2 bytes of decompressed size - 1, 2 bytes of compressed size - 1
 *                rr = 0 nothing reset, 1 state, 2 state and new properties (one byte), 3 the same and a new dictionary
 */

import { Cursor } from "../base/cursor.ts";
import { LzmaDecoder } from "./lzma.ts";

/**
 * Decodes the LZMA2 data in `input` to exactly `output.length` bytes.
 *
 * @param base where `input` stands in its file, for messages.
 * @throws MalformedError
 */
export function decodeLzma2(input: Uint8Array, output: Uint8Array, base: number): void {
  const cursor = new Cursor(input, false, "xz", "LZMA2", base);
  const decoder = new LzmaDecoder(input, output);
  // What the first chunks must bring before anything may rely on it.
  let needDictionary = true;
  let needProperties = true;
  let needState = true;
  for (;;) {
    const control = cursor.u8();
    if (control === 0) break;
    const stored = control < 0x80;
    if (stored && control > 2) throw cursor.malformed(`unknown chunk 0x${control.toString(16)}`, cursor.position - 1);
    const reset = (control >> 5) & 3;
    if (stored ? control === 1 : reset === 3) {
      decoder.dictionaryStart = decoder.outputAt;
      needDictionary = false;
    }
    if (needDictionary) throw cursor.malformed("the first chunk starts no dictionary");

    const size = stored ? cursor.u16() + 1 : ((control & 0x1f) << 16) + cursor.u16() + 1;
    const outputEnd = decoder.outputAt + size;
    if (outputEnd > output.length) throw cursor.malformed("more data than the index states");
    if (stored) {
      output.set(cursor.view(size), decoder.outputAt);
      decoder.outputAt = outputEnd;
      continue;
    }

    const compressedSize = cursor.u16() + 1;
    if (reset >= 2) {
      if (!decoder.setProperties(cursor.u8())) throw cursor.malformed("invalid LZMA properties");
      needProperties = false;
    }
    if (needProperties) throw cursor.malformed("the first LZMA chunk has no properties");
    if (reset >= 1) {
      decoder.resetState();
      needState = false;
    }
    if (needState) throw cursor.malformed("the first LZMA chunk resets no state");
    decoder.inputAt = cursor.position;
    cursor.skip(compressedSize);
    if (!decoder.decode(outputEnd) || decoder.inputAt !== cursor.position)
      throw cursor.malformed("damaged LZMA data", decoder.inputAt);
  }
  if (decoder.outputAt !== output.length || cursor.remaining > 0)
    throw cursor.malformed("less data than the index states");
}
