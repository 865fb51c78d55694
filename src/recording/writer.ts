/** Writes a recording to a file: append-only, one write an interval. */

import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { LeaklineError } from "../base/errors.ts";
import { ByteWriter } from "./codec.ts";
import type { RecordingEvent } from "./events.ts";
import { encodeChunk, encodeFileHeader, FILE_HEADER_SIZE } from "./format.ts";

export type RecordingWriter = {
  /** Keeps the event; an interval or the end writes all that was kept. */
  add(event: RecordingEvent): void;
  /** Bytes in the file so far. */
  readonly size: number;
  /** Removes the file when nothing came to be in it: what could not be traced leaves no recording. */
  close(): void;
};

/**
 * @throws LeaklineError `io` when the file exists already (a recording is never overwritten) or cannot be created, and,
 *   from `add` too, when the disk is full; what was written before stays readable.
 */
export function createRecording(path: string): RecordingWriter {
  let fd: number;
  try {
    // 0600: addresses of a process help whoever wants to attack it.
    fd = openSync(path, "wx", 0o600);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    throw new LeaklineError("io", `${path}: ${exists ? "exists already" : (cause as Error).message}`, {
      cause,
      hint: exists ? "choose another name, or remove it" : "choose a folder that can be written",
    });
  }
  let size = 0;
  let pending = new ByteWriter();
  pending.bytes(encodeFileHeader());

  function flush(): void {
    const bytes = pending.result();
    pending = new ByteWriter();
    let done = 0;
    try {
      while (done < bytes.length) done += writeSync(fd, bytes, done);
    } catch (cause) {
      throw new LeaklineError("io", `${path}: writing failed: ${(cause as Error).message}`, {
        cause,
        hint: "make room; all earlier intervals are in the file",
      });
    } finally {
      size += done;
    }
  }

  flush();
  return {
    add(event) {
      encodeChunk(pending, event);
      if (event.kind === "interval" || event.kind === "end") flush();
    },
    get size() {
      return size;
    },
    close() {
      closeSync(fd);
      if (size === FILE_HEADER_SIZE) unlinkSync(path);
    },
  };
}
