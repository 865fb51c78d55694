/** Files that nobody else can have written to; `../../os/own-folder.ts` is about the folders that they are in. */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type ByteSource, checkRange } from "../../base/bytes.ts";
import { LeaklineError, MalformedError } from "../../base/errors.ts";

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Opens a regular file that belongs to our own user and that nobody else can write to, for reading.
 *
 * @returns undefined when there is none.
 * @throws LeaklineError `refused` when there is something else, `io` when it cannot be opened.
 */
export function openOwnFile(path: string): ByteSource | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LeaklineError("io", `${path}: ${(cause as Error).message}`, { cause });
  }
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.uid !== process.geteuid?.() || stat.mode & WRITABLE_BY_OTHERS) {
    closeSync(fd);
    throw new LeaklineError("refused", `${path}: not a file that only we can write to`);
  }
  const { size } = stat;
  return {
    name: path,
    size,
    read(offset, length) {
      checkRange(path, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        let count: number;
        try {
          count = readSync(fd, bytes, done, length - done, offset + done);
        } catch (cause) {
          throw new LeaklineError("io", `${path}: reading failed`, { cause });
        }
        if (count === 0) throw new MalformedError(path, "file", offset + done, "the file became shorter");
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(fd),
  };
}
