/** Bytes that are too many for memory: in a file that has no name, that nobody else can open, and that goes with this process. */

import { closeSync, constants, openSync, readSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LeaklineError } from "../../base/errors.ts";

/** Part of the free disk that one file may take. */
const SHARE_OF_DISK = 1 / 4;

export class TemporaryFile {
  private readonly descriptor: number;
  private isOpen = true;
  private length = 0;

  /**
   * @param expected how long it may become, in bytes: more than a part of what is free is not taken.
   * @throws LeaklineError `io`
   */
  constructor(folder: string, expected = 0) {
    const { randomUUID } = process.getBuiltinModule("node:crypto");
    const path = join(folder, `leakline-${randomUUID()}`);
    this.descriptor = attempt(`${folder}: no temporary file`, () => {
      const { bavail, bsize } = statfsSync(folder);
      if (expected > bavail * bsize * SHARE_OF_DISK) throw new Error("too little room is left");
      // O_EXCL follows no link, and takes no file that is there.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const descriptor = openSync(path, flags, 0o600);
      unlinkSync(path);
      return descriptor;
    });
  }

  /** Writes at its end. @throws LeaklineError `io`: a full disk, for instance; then nothing was appended. */
  append(bytes: Uint8Array): void {
    attempt("writing a temporary file", () => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.length + done);
    });
    this.length += bytes.length;
  }

  /** Fills all of `target` with what begins at `offset`. @throws LeaklineError `io` */
  read(offset: number, target: Uint8Array): void {
    attempt("reading a temporary file", () => {
      for (let done = 0; done < target.length; ) {
        const count = readSync(this.descriptor, target, done, target.length - done, offset + done);
        if (count === 0) throw new Error("it became shorter");
        done += count;
      }
    });
  }

  close(): void {
    if (this.isOpen) closeSync(this.descriptor);
    this.isOpen = false;
  }
}

function attempt<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new LeaklineError("io", `${what}: ${(cause as Error).message}`, { cause });
  }
}
