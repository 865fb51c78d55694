/** Where output goes: data to stdout, everything for people's information to stderr. */

import { describeError, type LeaklineError } from "../base/errors.ts";

/** Data. A reader that went away (`| head`) ends us quietly. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** Progress and notes. */
export function note(message: string): void {
  process.stderr.write(`leakline: ${message}\n`);
}

export function printError(error: unknown): void {
  note(describeError(error));
  if (process.env.LEAKLINE_DEBUG) process.stderr.write(`${(error as LeaklineError).stack}\n`);
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
