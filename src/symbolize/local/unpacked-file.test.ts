/** Decompressing to disk: the bytes that were compressed, whatever is asked first, and errors where there is damage. */

import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { compile, hasTool, temporaryDirectory } from "../../../test/support/programs.ts";
import type { ByteSource } from "../../base/bytes.ts";
import { openElf } from "../../elf/index.ts";
import { type FileBytes, openFile } from "../../os/file-bytes.ts";
import { decompressToDisk, unpackedFile } from "./unpacked-file.ts";

const directory = temporaryDirectory();
const isRoot = process.geteuid?.() === 0;
/** Of which no two places look the same, and that does not become much smaller. */
const CONTENT = Buffer.alloc(3 << 20);
for (let i = 0, state = 1; i < CONTENT.length; i += 4) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  CONTENT.writeUInt32LE((state >>> 12) * (i & 64 ? 1 : 0) + i, i);
}
const COMPRESSED = deflateSync(CONTENT);
let count = 0;

function fileOf(bytes: Uint8Array): FileBytes {
  const path = join(directory, `input${count++}`);
  writeFileSync(path, bytes);
  return openFile(path);
}

function unpacked(input: ByteSource, size = CONTENT.length, folder = directory): ByteSource {
  const source = unpackedFile("zlib", input, size, folder);
  if (!source) throw new Error("not unpacked");
  return source;
}

function openCount(): number {
  return readdirSync("/proc/self/fd").length;
}

describe("a section that is decompressed to disk", () => {
  test("has the bytes that were compressed, in whatever order they are read", () => {
    const source = unpacked(fileOf(COMPRESSED));
    for (const [offset, length] of [
      [1 << 20, 10],
      [5, 300],
      [CONTENT.length - 7, 7],
      [0, CONTENT.length],
      [2_000_000, 70_000],
    ]) {
      expect(Buffer.from(source.read(offset, length)).equals(CONTENT.subarray(offset, offset + length))).toBe(true);
      const target = new Uint8Array(length);
      source.readInto?.(offset, target);
      expect(Buffer.from(target).equals(CONTENT.subarray(offset, offset + length))).toBe(true);
    }
    expect(() => source.read(CONTENT.length - 1, 2)).toThrow("2 bytes wanted");
    expect(source.memory).toBe(0);
    source.close?.();
  });

  test("is decompressed no further than it is read", () => {
    const input = fileOf(COMPRESSED);
    const source = unpacked(input);
    expect(input.bytesRead).toBe(0);
    source.read(100, 100);
    expect(input.bytesRead).toBeLessThan(COMPRESSED.length / 4);
    source.close?.();
  });

  test("leaves no file, and nothing open", () => {
    const folder = join(directory, "empty");
    mkdirSync(folder);
    const input = fileOf(COMPRESSED);
    const before = openCount();
    const source = unpacked(input, CONTENT.length, folder);
    source.read(0, 1);
    expect(openCount()).toBe(before + 1);
    expect(readdirSync(folder)).toEqual([]);
    source.close?.();
    expect(openCount()).toBe(before);
    expect(() => source.read(0, 1)).toThrow("read after close");
  });

  test("is in memory where no file can be made", () => {
    const source = unpacked(fileOf(COMPRESSED), CONTENT.length, join(directory, "nowhere"));
    expect(Buffer.from(source.read(1000, 2_000_000)).equals(CONTENT.subarray(1000, 2_001_000))).toBe(true);
    expect(source.memory).toBe(CONTENT.length);
    source.close?.();
    expect(source.memory).toBe(0);
  });

  test.skipIf(!isRoot)("moves to memory when the disk fills up on the way, with what there is", () => {
    const folder = join(directory, "small");
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=700", "leakline-test", folder]);
    try {
      const source = unpacked(fileOf(COMPRESSED), CONTENT.length, folder);
      source.read(0, 1_000_000);
      expect(source.memory).toBe(0);
      expect(() => writeFileSync(join(folder, "fills"), Buffer.alloc(1 << 24))).toThrow("ENOSPC");
      expect(Buffer.from(source.read(0, CONTENT.length)).equals(CONTENT)).toBe(true);
      expect(source.memory).toBe(CONTENT.length);
      source.close?.();
      // Nor is more than a part of the disk taken in the first place.
      const other = unpacked(fileOf(COMPRESSED), CONTENT.length, folder);
      other.read(0, 1);
      expect(other.memory).toBe(CONTENT.length);
    } finally {
      execFileSync("umount", [folder]);
    }
  });

  test("that is small, in memory already, or compressed otherwise is decompressed at once", () => {
    const input = fileOf(COMPRESSED);
    expect(unpackedFile("zlib", input, 1000, directory)).toBeUndefined();
    expect(unpackedFile("zstd", input, CONTENT.length, directory)).toBeUndefined();
    const { name, size, read } = input;
    expect(unpackedFile("zlib", { name, size, read }, CONTENT.length, directory)).toBeUndefined();
  });

  describe("throws for damage, and from then on:", () => {
    const end = COMPRESSED.length;
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(COMPRESSED);
      bytes[at] ^= 0x55;
      return bytes;
    };
    test.each([
      ["the wrong header", flipped(0), CONTENT.length, "incorrect header check"],
      ["a wrong checksum", flipped(end - 1), CONTENT.length, "incorrect data check"],
      ["no checksum", COMPRESSED.subarray(0, end - 4), CONTENT.length, "unexpected end of file"],
      ["half of the data", COMPRESSED.subarray(0, end >> 1), CONTENT.length, "unexpected end of file"],
      ["no data", COMPRESSED.subarray(0, 0), CONTENT.length, "unexpected end of file"],
      ["less than is stated", COMPRESSED, CONTENT.length + 1, `${CONTENT.length + 1} bytes expected`],
      ["more than is stated", COMPRESSED, CONTENT.length - 1, "more than the"],
      ["a preset dictionary", deflateSync(CONTENT, { dictionary: Buffer.from("x") }), CONTENT.length, "dictionary"],
    ])("%s", (_, bytes, size, message) => {
      const source = unpacked(fileOf(bytes), size);
      for (let i = 0; i < 2; i++)
        expect(() => source.read(0, size)).toThrow(
          expect.objectContaining({ code: "malformed", message: expect.stringContaining(message) }),
        );
      expect(() => source.read(0, 1)).toThrow(message);
      source.close?.();
    });
  });

  test.skipIf(isRoot)("is in memory where the folder cannot be written to", () => {
    const folder = join(directory, "read-only");
    mkdirSync(folder);
    chmodSync(folder, 0o500);
    expect(Buffer.from(unpacked(fileOf(COMPRESSED), CONTENT.length, folder).read(0, 9))).toEqual(
      CONTENT.subarray(0, 9),
    );
  });
});

test.skipIf(!hasTool("gcc") || !hasTool("objcopy"))("the compressed section of a file is given so", () => {
  const program = compile(join(directory, "program"), "int main(void) { return 0; }\n", ["-g"]);
  const content = join(directory, "content");
  writeFileSync(content, CONTENT);
  execFileSync("objcopy", [`--add-section=.debug_types=${content}`, program]);
  execFileSync("objcopy", ["--compress-debug-sections=zlib", program]);
  const before = openCount();
  const elf = openElf(openFile(program), { decompress: decompressToDisk });
  expect(elf.openFiles).toBe(1);
  expect(Buffer.from(elf.sectionData(".debug_types")?.read(0, CONTENT.length) ?? []).equals(CONTENT)).toBe(true);
  expect([elf.openFiles, elf.memory]).toEqual([2, 0]);
  expect(openCount()).toBe(before + 2);
  elf.close();
  expect(openCount()).toBe(before);
});
