import { describe, expect, test } from "vitest";
import { FIXTURES, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools } from "../../test/support/oracle.ts";
import { readelfSegments } from "../../test/support/readelf.ts";
import { fileOffset, virtualAddress } from "../base/address.ts";
import { fileOffsetToVirtual, type Segment, virtualToFileOffset } from "./index.ts";

const PT_LOAD = 1;
const PT_NOTE = 4;
const [READ, READ_EXECUTE] = [4, 5];

function segment(
  type: number,
  flags: number,
  offset: number,
  address: number,
  fileSize: number,
  memorySize: number,
): Segment {
  return { type, flags, offset: fileOffset(offset), address: virtualAddress(address), fileSize, memorySize, align: 1 };
}

describe("the two translations", () => {
  // Numbers chosen by hand; the first segment's zeroed tail covers, in memory, what lies behind it in the file.
  const segments = [
    segment(PT_NOTE, READ, 0x0, 0x900000, 0x10000, 0x10000),
    segment(PT_LOAD, READ, 0x0, 0x400000, 0x1000, 0x8000),
    segment(PT_LOAD, READ_EXECUTE, 0x2000, 0x40a000, 0x500, 0x500),
    segment(PT_LOAD, READ, 0x2400, 0x50b400, 0x1000, 0x1000),
    segment(PT_LOAD, READ_EXECUTE, 0x4000, -0x7f000000, 0x100, 0x100),
  ];
  const toVirtual = (offset: number): number | undefined => fileOffsetToVirtual(segments, fileOffset(offset));
  const toOffset = (address: number): number | undefined => virtualToFileOffset(segments, virtualAddress(address));

  test("use loaded segments only, and only what the file holds of them", () => {
    expect(toVirtual(0)).toBe(0x400000);
    expect(toVirtual(0xfff)).toBe(0x400fff);
    expect(toVirtual(0x1000)).toBeUndefined();
    expect(toOffset(0x400fff)).toBe(0xfff);
    expect(toOffset(0x401000)).toBeUndefined();
    expect(toOffset(0x900000)).toBeUndefined();
  });

  test("prefer the executable segment where two load the same bytes", () => {
    expect(toVirtual(0x2400)).toBe(0x40a400);
    expect(toVirtual(0x24ff)).toBe(0x40a4ff);
    expect(toVirtual(0x2500)).toBe(0x50b500);
  });

  test("hold for a kernel's addresses, which are negative", () => {
    expect(toVirtual(0x4010)).toBe(-0x7effffff + 0xf);
    expect(toOffset(-0x7f000000)).toBe(0x4000);
    expect(toOffset(-0x7f000001)).toBeUndefined();
  });

  test("of nothing give nothing", () => {
    expect(fileOffsetToVirtual([], fileOffset(0))).toBeUndefined();
    expect(virtualToFileOffset([], virtualAddress(0))).toBeUndefined();
  });
});

test.for([...REAL_FILES, ...FIXTURES.filter((path) => !path.endsWith(".o"))])(
  "the first and last byte of each executable segment of %s are where readelf says",
  (path, context) => {
    needTools(context, "readelf", path);
    const { segments } = openPath(path);
    const code = readelfSegments(path).filter(({ type, flags }) => type === "LOAD" && flags.includes("E"));
    expect(code.length).toBeGreaterThan(0);
    for (const { offset, address, fileSize } of code) {
      for (const within of [0, fileSize - 1]) {
        const virtual = virtualAddress(Number(`0x${address}`) + within);
        expect(fileOffsetToVirtual(segments, fileOffset(offset + within))).toBe(virtual);
        expect(virtualToFileOffset(segments, virtual)).toBe(offset + within);
      }
    }
  },
);
