/**
 * Text that may be shown on a terminal, whoever chose it.
 */

import { hex } from "./address.ts";

/**
 * Control characters as `\u001b`: the names of files, processes and symbols are chosen by others, and must not command
 * the terminal of root. In JSON the same notation means the same character.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, (control) => `\\u${hex(control.charCodeAt(0), 4)}`);
}

/** All but newline and tab: as one set, since a look-ahead before each character takes five times as long. */
const CONTROL = /[^\P{Cc}\n\t]/gu;
