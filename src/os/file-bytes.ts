/**
 * A file on disk as a ByteSource.
 *
 * Only what is asked for is read. Small reads (headers, strings, symbols one by one) come from a few cached pages, so
 * that a thousand short strings do not cost a thousand system calls; large ones (a whole DWARF unit) go straight to
 * the file. Nothing is mapped: a mapped file that somebody truncates kills the reader with SIGBUS.
 */

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type ByteSource, checkLength, checkRange } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";

const PAGE_SIZE = 4 * 1024;
/** Kept pages: 128 × 4 KiB = 512 KiB a file. */
const MAX_PAGES = 128;

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
  const pages = new Map<number, Uint8Array>();
  let bytesRead = 0;
  let open = true;

  function readExactly(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    fill(bytes, offset);
    return bytes;
  }

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

  function page(index: number): Uint8Array {
    let bytes = pages.get(index);
    if (bytes) {
      pages.delete(index);
    } else {
      const start = index * PAGE_SIZE;
      bytes = readExactly(start, Math.min(PAGE_SIZE, size - start));
      if (pages.size >= MAX_PAGES) pages.delete(pages.keys().next().value as number);
    }
    // Re-inserted last: a Map iterates in insertion order, so the first key is the least recently used.
    pages.set(index, bytes);
    return bytes;
  }

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
    read(offset, length) {
      checkRange(name, size, offset, length);
      checkLength(name, length);
      const first = Math.floor(offset / PAGE_SIZE);
      const start = offset - first * PAGE_SIZE;
      if (start + length > PAGE_SIZE) return readExactly(offset, length);
      return length === 0 ? new Uint8Array(0) : page(first).subarray(start, start + length);
    },
    readInto(offset, target) {
      checkRange(name, size, offset, target.length);
      fill(target, offset);
    },
    close() {
      if (open) closeSync(fd);
      open = false;
      pages.clear();
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
