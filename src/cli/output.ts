/** Where output goes: data to stdout, everything for people's information to stderr. */

import { hex } from "../base/address.ts";
import { describeError, type LeaklineError } from "../base/errors.ts";

/** Data. A reader that went away (`| head`) ends us quietly. */
export function print(text: string): void {
  process.stdout.write(printable(text));
}

/**
 * As `print`, for UTF-8 that went through `printable` before.
 *
 * @returns whether they are written: files and pipes take them at once.
 */
export function printBytes(bytes: Uint8Array): boolean {
  process.stdout.write(bytes);
  return process.stdout.writableLength === 0;
}

/** As `print`, for text with colours: what in it comes from a file must have gone through `printable`. */
export function printStyled(text: string): void {
  process.stdout.write(text);
}

/** Progress and notes. */
export function note(message: string): void {
  process.stderr.write(`leakline: ${printable(message)}\n`);
}

/**
 * Control characters as `\u001b`: the names of files, processes and symbols are chosen by others, and must not command
 * the terminal of root. In JSON the same notation means the same character.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, (control) => `\\u${hex(control.charCodeAt(0), 4)}`);
}

/** All but newline and tab: as one set, since a look-ahead before each character takes five times as long. */
const CONTROL = /[^\P{Cc}\n\t]/gu;

export function printError(error: unknown): void {
  note(describeError(error));
  if (process.env.LEAKLINE_DEBUG) process.stderr.write(`${(error as LeaklineError).stack}\n`);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
