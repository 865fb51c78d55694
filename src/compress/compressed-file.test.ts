import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { decompress, decompressFile } from "./index.ts";

const BYTES = readFileSync(new URL("zstd-block.ts", import.meta.url));
const LIMIT = 1 << 20;

test.for([
  ["xz", "xz"],
  ["zstd", "zst"],
  ["gzip", "gz"],
])("a file that %s compressed is recognized, and refused when it is larger than agreed", ([tool, ending], context) => {
  needTools(context, tool);
  const path = join(temporaryDirectory(), "file");
  writeFileSync(path, BYTES);
  run(tool, "-q", path);
  const input = readFileSync(`${path}.${ending}`);
  expect(Buffer.compare(decompressFile(path, input, LIMIT, decompress), BYTES)).toBe(0);
  expect(() => decompressFile(path, input, BYTES.length - 1, decompress)).toThrow(
    expect.objectContaining({ code: "limit" }),
  );
  for (const length of [6, 10, input.length - 1])
    expect(() => decompressFile(path, input.subarray(0, length), LIMIT, decompress), `${length}`).toThrow(
      LeaklineError,
    );
});

test("a gzip file that lies about its size is refused before anything is allocated for it", () => {
  // RFC 1952: magic, deflate, no flags, and a trailer that states 2^32 - 1 bytes.
  const liar = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 255, 255, 255, 255);
  expect(() => decompressFile("liar", liar, 2 ** 33, decompress)).toThrow(
    expect.objectContaining({ code: "malformed" }),
  );
});

test("what is not compressed stays as it is", () => {
  expect(decompressFile("plain", BYTES, LIMIT, decompress)).toBe(BYTES);
});
