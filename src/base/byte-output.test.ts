import { expect, test } from "vitest";
import { ByteOutput } from "./byte-output.ts";

function written(write: (out: ByteOutput) => void): string {
  const pieces: Uint8Array[] = [];
  const out = new ByteOutput((bytes) => {
    pieces.push(bytes);
    return false;
  });
  write(out);
  out.flush();
  return Buffer.concat(pieces).toString("utf8");
}

test("text comes out as it went in, ASCII or not, short or longer than a piece", () => {
  const texts = [
    "",
    "short",
    "ä",
    "aé漢😀",
    "x".repeat(30),
    `${"y".repeat(100)}ü`,
    "z".repeat(300_000),
    "ö".repeat(200_000),
  ];
  expect(written((out) => texts.forEach((text) => void out.text(text)))).toBe(texts.join(""));
});

test("bytes are copied, short ones and long ones", () => {
  const source = Buffer.from("0123456789".repeat(50_000));
  const places = [0, 1, 23, 24, 25, 400, 300_000].map((length, i) => [i, length]);
  expect(written((out) => places.forEach(([from, length]) => void out.copy(source, from, length)))).toBe(
    places.map(([from, length]) => source.toString("latin1", from, from + length)).join(""),
  );
});

test("numbers are those of toString, padded", () => {
  const numbers = [0, 1, 9, 10, 15, 16, 99, 100, 255, 256, 65535, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1e15, 2 ** 53 - 1];
  for (const value of numbers) {
    expect(written((out) => out.decimal(value))).toBe(String(value));
    expect(written((out) => out.hex(value))).toBe(value.toString(16));
    expect(written((out) => out.hex(value, 14))).toBe(value.toString(16).padStart(14, "0"));
  }
  for (const value of [-1, -(2 ** 31), -(2 ** 32), -(2 ** 32) - 1, -(2 ** 53) + 1])
    expect(written((out) => out.hex(value, 14))).toBe(BigInt.asUintN(64, BigInt(value)).toString(16));
});

test("what was given away is not written to again, unless that is allowed", () => {
  let given: Uint8Array | undefined;
  const reusing = new ByteOutput((bytes) => {
    given ??= bytes;
    return true;
  });
  for (const text of ["first", "other"]) {
    reusing.text(text);
    reusing.flush();
  }
  expect(Buffer.from(given ?? []).toString()).toBe("other");
  const pieces: Uint8Array[] = [];
  const out = new ByteOutput((bytes) => {
    pieces.push(bytes);
    return false;
  });
  out.text("first");
  out.flush();
  out.text("other");
  out.flush();
  expect(pieces.map((piece) => Buffer.from(piece).toString())).toEqual(["first", "other"]);
});

test("what was not committed can be taken back, however much it is", () => {
  expect(
    written((out) => {
      out.text("kept");
      out.commit();
      out.text("a".repeat(700_000));
      out.undo();
      out.text("too");
      out.commit();
      out.undo();
      out.text(".");
    }),
  ).toBe("kepttoo.");
});
