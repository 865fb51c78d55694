/** Where output goes: data to stdout, everything for people's information to stderr. */

import { writeSync } from "node:fs";
import { describeError, type LeaklineError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

/** Data. A reader that went away (`| head`) ends us quietly. */
export function print(text: string): void {
  write(Buffer.from(printable(text)));
}

/**
 * As `print`, for UTF-8 that went through `printable` before.
 *
 * @returns whether they are written: files and pipes take them at once.
 */
export function printBytes(bytes: Uint8Array): boolean {
  write(bytes);
  return isDirect || process.stdout.writableLength === 0;
}

/** As `print`, for text with colours: what in it comes from a file must have gone through `printable`. */
export function printStyled(text: string): void {
  write(Buffer.from(text));
}

/**
 * How data is written. A command that prints once and ends does so without `process.stdout`: to load Node's streams takes
 * as long as to resolve an address.
 */
let isDirect = false;

/** From now on, data is written without Node's streams, as long as whoever reads it keeps up. */
export function writeDirectly(): void {
  isDirect = true;
}

function write(bytes: Uint8Array): void {
  if (!isDirect) {
    stdout().write(bytes);
    return;
  }
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(1, bytes, done);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") process.exit(0);
    if (code !== "EAGAIN") throw error;
    // A pipe that is full, and not to be waited for.
    stdout().write(bytes.subarray(done));
  }
}

let isWatched = false;

/** Where data goes, for a command that writes as it reads. From now on, all is written that way. */
export function stdout(): NodeJS.WriteStream {
  isDirect = false;
  if (!isWatched)
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  isWatched = true;
  return process.stdout;
}

let hasNoted = false;

/** Progress and notes. */
export function note(message: string): void {
  hasNoted = true;
  process.stderr.write(`leakline: ${printable(message)}\n`);
}

export function printError(error: unknown): void {
  note(describeError(error));
  if (process.env.LEAKLINE_DEBUG) process.stderr.write(`${(error as LeaklineError).stack}\n`);
}

/** Calls `then` when all that was printed and noted has been written. */
export function flush(then: () => void): void {
  // Node loads streams when it is first asked for one.
  const thenNotes = (): void => {
    if (hasNoted) process.stderr.write("", then);
    else then();
  };
  if (isDirect) thenNotes();
  else process.stdout.write("", thenNotes);
}
