/** Texts come out as `printable` shows them, however long, the first time and later. */

import { expect, test } from "vitest";
import { ByteOutput } from "../base/byte-output.ts";
import { PrintedTexts } from "./printed-texts.ts";

test("texts are shown once and written as often as they are asked for", () => {
  const long = "ö".repeat(100_000);
  const texts = ["", "f", "/src/ä.c", "x\u001b[2J", "two\nlines", long, "x".repeat(60_000), "last"];
  const shown = ["", "f", "/src/ä.c", "x\\u001b[2J", "two\nlines", long, "x".repeat(60_000), "last"];
  const asked: number[] = [];
  const printed = new PrintedTexts(texts.length, (number) => {
    asked.push(number);
    return texts[number];
  });
  for (let round = 0; round < 3; round++) {
    for (const [number, expected] of shown.entries()) {
      let written = "";
      const out = new ByteOutput((bytes) => {
        written += Buffer.from(bytes).toString("latin1");
        return true;
      });
      printed.write(number, out);
      out.flush();
      expect(Buffer.from(written, "latin1").toString("utf8")).toBe(expected);
    }
  }
  expect(asked).toEqual(texts.map((_, number) => number));
  // What is not printed as it is may not be kept as it is printed.
  const asBytes = texts.map((_, number) => printed.bytes(number) && Buffer.from(printed.bytes(number)!).toString());
  expect(asBytes).toEqual(texts.map((text) => (/\p{Cc}/u.test(text) ? undefined : text)));
});
