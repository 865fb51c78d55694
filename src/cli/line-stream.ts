/**
 * Lines in, lines out: a filter that never holds more than a piece of its input, waits when its reader does, and keeps
 * every byte that it does not mean to change.
 *
 * Lines are handed on as Latin-1, in which each byte is one character: a log need not be valid in any encoding. A line
 * that is longer than any log's goes through as it is.
 */

import { once } from "node:events";
import type { Writable } from "node:stream";

/** Longer lines are not looked at, characters. */
const MAX_LINE = 1 << 20;

/**
 * @param transform gets whole lines in Latin-1, each with its newline (the last may have none), and gives what to print
 *   instead, in Latin-1.
 */
export async function filterLines(
  input: AsyncIterable<Buffer>,
  output: Writable,
  transform: (lines: readonly string[]) => Promise<string>,
): Promise<void> {
  let rest = "";
  let isLongLine = false;
  for await (const chunk of input) {
    const text = rest + chunk.toString("latin1");
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    const lines = linesOf(text.slice(0, end));
    if (isLongLine && lines.length > 0) {
      await write(output, lines.shift() as string);
      isLongLine = false;
    }
    if (lines.length > 0) await write(output, await transform(lines));
    if (isLongLine || rest.length > MAX_LINE) {
      await write(output, rest);
      rest = "";
      isLongLine = true;
    }
  }
  if (rest !== "") await write(output, await transform([rest]));
}

/** A text in Unicode as Latin-1 of its UTF-8 bytes. */
export function toLatin1(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The opposite of toLatin1. Bytes that are not UTF-8 become U+FFFD. */
export function fromLatin1(text: string): string {
  return Buffer.from(text, "latin1").toString("utf8");
}

function linesOf(text: string): string[] {
  const lines: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\n", start) + 1;
    lines.push(text.slice(start, end));
    start = end;
  }
  return lines;
}

async function write(output: Writable, text: string): Promise<void> {
  if (!output.write(text, "latin1")) await once(output, "drain");
}
