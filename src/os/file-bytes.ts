/**
 * A file on disk as a ByteSource.
 *
 * Only what is asked for is read. Nothing is mapped: a mapped file that somebody truncates kills the reader with SIGBUS.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { pagedReader } from "./paged-reader.ts";

/** An open file: close it when done. `device` and `inode` are those of the open file, whatever its path means now. */
export type FileBytes = ByteSource & {
  readonly device: bigint;
  readonly inode: bigint;
  /** Modification time in nanoseconds, to notice a file that changes while it is read. */
  readonly modified: bigint;
  /** Bytes really read from the file so far: what the laziness tests count. */
  readonly bytesRead: number;
  close(): void;
};

/**
 * Opens a regular file for reading. FIFOs, devices and directories are refused: leakline runs as root and opens paths
 * that a traced process chose.
 *
 * @throws LeaklineError `not-found`, `permission` or `io`.
 */
export function openFile(path: string, name = path): FileBytes {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO would otherwise wait for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (cause) {
    throw openError(name, cause);
  }
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile()) {
    closeSync(fd);
    const what = stat.isDirectory() ? "a directory" : "not a regular file";
    throw new LeaklineError("io", `${name}: is ${what}`, { hint: "give the path of a file" });
  }
  const size = Number(stat.size);
  let bytesRead = 0;
  let open = true;

  function fill(bytes: Uint8Array, offset: number): void {
    if (!open) throw new LeaklineError("io", `${name}: read after close`);
    const { length } = bytes;
    let done = 0;
    while (done < length) {
      let count: number;
      try {
        count = readSync(fd, bytes, done, length - done, offset + done);
      } catch (cause) {
        throw new LeaklineError("io", `${name}: reading failed`, { cause });
      }
      if (count === 0)
        throw new MalformedError(name, "file", offset + done, "the file became shorter while it was read");
      done += count;
    }
    bytesRead += length;
  }

  const { read, readInto, forget } = pagedReader(name, size, fill);
  return {
    name,
    size,
    device: stat.dev,
    inode: stat.ino,
    modified: stat.mtimeNs,
    // The time of the last change of any kind, too: whoever writes to a file can set the other one back.
    identity: `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`,
    hasChanged() {
      if (!open) return false;
      const now = fstatSync(fd, { bigint: true });
      return now.size !== stat.size || now.mtimeNs !== stat.mtimeNs;
    },
    get bytesRead() {
      return bytesRead;
    },
    read,
    readInto,
    close() {
      if (open) closeSync(fd);
      open = false;
      forget();
    },
  };
}

function openError(name: string, cause: unknown): LeaklineError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ENOTDIR")
    return new LeaklineError("not-found", `${name}: no such file`, { cause, hint: "check the path" });
  if (code === "EACCES" || code === "EPERM") {
    return new LeaklineError("permission", `${name}: permission denied`, { cause, hint: "run as root (sudo)" });
  }
  return new LeaklineError("io", `${name}: cannot be opened: ${(cause as Error).message}`, { cause });
}
