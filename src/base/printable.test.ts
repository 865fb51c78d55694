/** Names that others chose must not command the terminal of root. */

import { expect, test } from "vitest";
import { printable } from "./printable.ts";

test("control characters are shown, lines and columns stay, and in JSON they still mean the same", () => {
  // ESC [ 2 J clears the screen; 0x9b is the same as ESC [; 0x7f is DEL.
  expect(printable("a\u001b[2J\u009b\u007f\r\n\tü")).toBe("a\\u001b[2J\\u009b\\u007f\\u000d\n\tü");
  const json = JSON.stringify({ name: "a\u009b31m" });
  expect(JSON.parse(printable(json))).toEqual({ name: "a\u009b31m" });
});
