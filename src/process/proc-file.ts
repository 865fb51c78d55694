/**
 * Reading files of /proc, with the errors that they give.
 *
 * A process can end between any two reads, so "no such file" is the ordinary way to learn that it has, and reading a
 * file that was opened in time fails with ESRCH.
 */

import { closeSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { LeaklineError } from "../base/errors.ts";
import { MAX_PROC_FILE } from "./constants.ts";

/**
 * Where files are read to, one at a time. A tracer reads some several times a second: a new buffer for each, which is
 * only freed when the garbage is collected, adds up to megabytes.
 */
const CHUNK = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * The whole text of a file in /proc or /sys, whose size is not known before it has been read.
 *
 * @param limit most bytes accepted.
 * @throws the system's own error, or LeaklineError `limit`.
 */
export function readSystemFile(path: string, limit = MAX_PROC_FILE): string {
  return readSystemBytes(path, limit).toString("utf8");
}

/** As readSystemFile, the bytes. */
export function readSystemBytes(path: string, limit = MAX_PROC_FILE): Buffer {
  const fd = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for (;;) {
      const count = readSync(fd, CHUNK, 0, CHUNK.length, null);
      if (count === 0) return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
      total += count;
      if (total > limit) throw new LeaklineError("limit", `${path}: longer than ${limit} bytes`);
      chunks.push(Buffer.from(CHUNK.subarray(0, count)));
    }
  } finally {
    closeSync(fd);
  }
}

/** The text of a file, without white space around it, or undefined when it cannot be read for whatever reason. */
export function tryReadSystemFile(path: string): string | undefined {
  try {
    return readSystemFile(path).trim();
  } catch {
    return undefined;
  }
}

/** The names in a directory, none when it cannot be read. */
export function tryReadDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/**
 * The text of /proc/PID/`name`.
 *
 * @throws LeaklineError `target-gone`, `permission`, `limit` or `io`.
 */
export function readProcessFile(pid: number, name: string, limit = MAX_PROC_FILE): string {
  try {
    return readSystemFile(`/proc/${pid}/${name}`, limit);
  } catch (cause) {
    throw processError(pid, `reading /proc/${pid}/${name}`, cause);
  }
}

/** Where the link /proc/PID/`name` points, or undefined when there is none or it may not be read. */
export function tryReadLink(pid: number | "self", name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined;
  }
}

/** Does a process of this number run a program? Not one that has ended, nor its zombie. */
export function hasProgram(pid: number): boolean {
  try {
    readlinkSync(`/proc/${pid}/exe`);
    return true;
  } catch (cause) {
    return !["ENOENT", "ESRCH"].includes((cause as NodeJS.ErrnoException).code ?? "");
  }
}

/** What a failed system call on a process's files means. */
export function processError(pid: number, doing: string, cause: unknown): LeaklineError {
  if (cause instanceof LeaklineError) return cause;
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === "ENOENT" || code === "ESRCH") return targetGone(pid, cause);
  if (code === "EACCES" || code === "EPERM") {
    return new LeaklineError("permission", `process ${pid}: permission denied ${doing}`, {
      cause,
      hint: "run as root (sudo)",
    });
  }
  return new LeaklineError("io", `process ${pid}: ${doing} failed: ${(cause as Error).message}`, { cause });
}

export function targetGone(pid: number, cause?: unknown): LeaklineError {
  return new LeaklineError("target-gone", `process ${pid} has exited`, {
    cause,
    hint: "give the PID of one that runs",
  });
}
