import { expect, test } from "vitest";
import { Cursor } from "./cursor.ts";
import { MalformedError } from "./errors.ts";

test("a string ends at its zero, and must have it before the cursor's end", () => {
  const cursor = new Cursor(Uint8Array.of(0x61, 0x62, 0, 0x63, 0x64, 0), true, "file", "part");
  cursor.end = 5;
  expect([...cursor.cString()]).toEqual([0x61, 0x62]);
  expect(cursor.position).toBe(3);
  expect(() => cursor.cString()).toThrow(MalformedError);
  expect(cursor.position).toBe(3);
});
