/** Everything that stands on stdin, where a command takes its operands from there. */

import { LeaklineError } from "../base/errors.ts";

/** A million addresses and more. */
const MAX_STDIN = 64 << 20;

/**
 * Reads stdin to its end.
 *
 * @throws LeaklineError `limit` above 64 MiB.
 */
export async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_STDIN) throw new LeaklineError("limit", `more than ${MAX_STDIN} bytes on stdin`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
