/**
 * Bytes of another process's memory, through /proc/PID/mem (proc_pid_mem(5)).
 *
 * Reading needs the right to trace the process (ptrace(2), access mode ATTACH) but neither stops nor changes it.
 */

import { closeSync, openSync, readSync } from "node:fs";
import { hex } from "../base/address.ts";
import { checkRange } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import type { FileBytes } from "../os/file-bytes.ts";
import { MAX_MEMORY_READ } from "./constants.ts";
import type { Mapping } from "./maps.ts";
import { processError, targetGone } from "./proc-file.ts";

/** /proc/PID/mem takes the address as a signed 64-bit file position. */
const MAX_ADDRESS = 2n ** 63n;

/**
 * Copies `length` bytes at an absolute address.
 *
 * @throws LeaklineError `limit` above 16 MiB, `permission`, `target-gone`, or `io` when a byte is not mapped.
 */
export function readMemory(pid: number, address: bigint, length: number): Uint8Array {
  if (!Number.isSafeInteger(length) || length < 0 || length > MAX_MEMORY_READ)
    throw new LeaklineError("limit", `process ${pid}: ${length} bytes of memory wanted, ${MAX_MEMORY_READ} allowed`);
  if (address < 0n || address + BigInt(length) > MAX_ADDRESS)
    throw new LeaklineError("io", `process ${pid}: memory at 0x${hex(address)} cannot be read`);
  let fd: number;
  try {
    fd = openSync(`/proc/${pid}/mem`, "r");
  } catch (cause) {
    throw processError(pid, "opening its memory", cause);
  }
  try {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const count = readPart(fd, pid, bytes, done, address + BigInt(done));
      // A process that has ended has no memory, and its file is empty.
      if (count === 0) throw targetGone(pid);
      done += count;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}

function readPart(fd: number, pid: number, bytes: Uint8Array, done: number, address: bigint): number {
  try {
    return readSync(fd, bytes, done, bytes.length - done, address);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EIO") throw processError(pid, "reading its memory", cause);
    throw new LeaklineError("io", `process ${pid}: no memory at 0x${hex(address)}`, { cause });
  }
}

/**
 * A mapping's bytes in memory as if they were a file: the vDSO, an ELF file that exists nowhere else, or the headers of
 * a file that cannot be opened. Each read goes to the process; reading throws as `readMemory` does.
 */
export function openMemory(pid: number, mapping: Mapping): FileBytes {
  const size = Number(mapping.end - mapping.start);
  const name = `${mapping.path} of process ${pid}`;
  let bytesRead = 0;
  return {
    name,
    size,
    device: 0n,
    inode: 0n,
    modified: 0n,
    get bytesRead() {
      return bytesRead;
    },
    read(offset, length) {
      checkRange(name, size, offset, length);
      bytesRead += length;
      return readMemory(pid, mapping.start + BigInt(offset), length);
    },
    close() {},
  };
}
