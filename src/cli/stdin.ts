/** Everything that stands on stdin, where a command takes its operands from there. */

import { fstatSync, readSync } from "node:fs";
import { LeaklineError } from "../base/errors.ts";

/** A million addresses and more. */
const MAX_STDIN = 64 << 20;
/** Bytes that are read at once: as much as a pipe holds. */
const CHUNK = 1 << 16;

/** Whether a person would have to type it. Node's answer takes longer to load than most files to read. */
export function isTerminal(): boolean {
  return fstatSync(0).isCharacterDevice() && process.getBuiltinModule("node:tty").isatty(0);
}

/**
 * Reads stdin to its end.
 *
 * @throws LeaklineError `limit` above 64 MiB.
 */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const take = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > MAX_STDIN) throw new LeaklineError("limit", `more than ${MAX_STDIN} bytes on stdin`);
    chunks.push(chunk);
  };
  // Without `process.stdin`, whose streams take longer to load than a stack to be resolved; unless there is nothing to be
  // read yet of a pipe that is not to be waited for.
  if (!readAtOnce(take)) for await (const chunk of process.stdin as AsyncIterable<Buffer>) take(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** @returns false when it could be read only in part, so far. */
function readAtOnce(take: (chunk: Buffer) => void): boolean {
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    try {
      const count = readSync(0, chunk);
      if (count === 0) return true;
      take(chunk.subarray(0, count));
    } catch (error) {
      if (error instanceof LeaklineError) throw error;
      return false;
    }
  }
}
