/** Reads a recording's chunks, from a file that may be damaged, truncated, or still growing. */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import type { RecordingEvent } from "./events.ts";
import {
  CHUNK_HEADER_SIZE,
  chunkChecksum,
  decodePayload,
  FILE_HEADER_SIZE,
  FORMAT_VERSION,
  MAGIC,
  MAX_PAYLOAD,
} from "./format.ts";

/** Why reading stopped before the file's end; undefined when all of it was read. */
export type ReadResult = { damage: string | undefined };

/**
 * Hands every whole event to `visit`, in order. The first damaged chunk ends the reading: what follows it cannot be
 * trusted to belong together.
 *
 * @throws MalformedError when it is not a recording at all, LeaklineError `unsupported` for another format version.
 */
export function readRecording(source: ByteSource, visit: (event: RecordingEvent) => void): ReadResult {
  checkHeader(source);
  let offset = FILE_HEADER_SIZE;
  while (offset < source.size) {
    const damage = (what: string): ReadResult => ({
      damage: `${what} at byte ${offset} of ${source.size}; everything before it was read`,
    });
    if (source.size - offset < CHUNK_HEADER_SIZE) return damage("truncated chunk header");
    const header = source.read(offset, CHUNK_HEADER_SIZE);
    const view = new DataView(header.buffer, header.byteOffset, CHUNK_HEADER_SIZE);
    const type = view.getUint32(0, true);
    const length = view.getUint32(4, true);
    const checksum = view.getUint32(8, true);
    if (length > MAX_PAYLOAD) return damage(`chunk of ${length} bytes, more than any recording has,`);
    if (source.size - offset - CHUNK_HEADER_SIZE < length) return damage("truncated chunk");
    const payload = source.read(offset + CHUNK_HEADER_SIZE, length);
    if (chunkChecksum(header, payload) !== checksum) return damage("chunk with a wrong checksum");
    let event: RecordingEvent | undefined;
    try {
      event = decodePayload(type, payload, source.name);
    } catch (error) {
      if (error instanceof MalformedError) return damage(`damaged chunk (${error.message})`);
      throw error;
    }
    if (event) visit(event);
    offset += CHUNK_HEADER_SIZE + length;
  }
  return { damage: undefined };
}

function checkHeader(source: ByteSource): void {
  const hint = "give a file that leakline record wrote";
  if (source.size === 0) {
    const what = "empty: its recorder was killed before the first reading";
    throw new MalformedError(source.name, "header", 0, what, { hint: "record again" });
  }
  const header = source.read(0, Math.min(source.size, FILE_HEADER_SIZE));
  if (!MAGIC.every((byte, i) => header[i] === byte)) {
    throw new MalformedError(source.name, "header", 0, "not a leakline recording", { hint });
  }
  if (header.length < FILE_HEADER_SIZE) {
    throw new MalformedError(source.name, "header", header.length, "the recording ends in its header", { hint });
  }
  const version = new DataView(header.buffer, header.byteOffset).getUint32(MAGIC.length, true);
  if (version !== FORMAT_VERSION) {
    throw new LeaklineError(
      "unsupported",
      `${source.name}: recording format ${version}, this leakline reads ${FORMAT_VERSION}`,
      {
        hint: "use the leakline that recorded it, or a newer one",
      },
    );
  }
}
