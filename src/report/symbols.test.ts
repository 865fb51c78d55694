/** Resolved addresses in blazecli's layout, by hand: the address has 16 columns, inlined calls are indented by 18. */

import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteOutput } from "../base/byte-output.ts";
import { memorySource } from "../base/bytes.ts";
import { type Frame, type ModuleFrame, withoutInlines } from "../symbolize/frame.ts";
import { IndexReader } from "../symbolize/index-file/index-reader.ts";
import { IndexWriter } from "../symbolize/index-file/index-writer.ts";
import { toJson } from "./json.ts";
import { renderAddress, renderAddressInStack, writeAddress } from "./symbols.ts";

const FRAMES: readonly Frame[] = [
  { address: 0x56076afcb6f2n, symbol: "innermost", file: "/src/a.h", line: 3, inlined: true, moduleAddress: 0x6f2 },
  { address: 0x56076afcb6f2n, symbol: "middle", file: "/src/a.c", line: 5, column: 7, inlined: true },
  {
    address: 0x56076afcb6f2n,
    symbol: "alloc_v3",
    offset: 0x18,
    file: "/src/test_memleak.c",
    line: 8,
    column: 12,
    inlined: false,
    moduleAddress: 0x6f2,
  },
];

function render(...frames: Frame[]): string {
  return renderAddress(frames);
}

test("the function stands first, what was inlined into it below, outermost first", () => {
  expect(render(...FRAMES)).toBe(
    [
      "0x0056076afcb6f2: alloc_v3 @ 0x6da+0x18 /src/test_memleak.c:8:12",
      "                  middle /src/a.c:5:7 [inlined]",
      "                  innermost /src/a.h:3 [inlined]",
      "",
    ].join("\n"),
  );
});

test("without line, without symbol, without file", () => {
  const address = 0xffffffff81000010n;
  expect(render({ address, symbol: "f", offset: 16, moduleAddress: -0x7efffff0, inlined: false })).toBe(
    "0xffffffff81000010: f @ 0xffffffff81000000+0x10\n",
  );
  expect(render({ address: 16n, symbol: "f", offset: 16, moduleAddress: 16, inlined: false, reason: "no -g" })).toBe(
    "0x00000000000010: f @ 0x0+0x10 (no -g)\n",
  );
  expect(
    render({ address: 1n, module: "/lib/x.so", moduleAddress: 1, inlined: false, reason: "no symbol covers it" }),
  ).toBe("0x00000000000001: <no-symbol> x.so+0x1 (no symbol covers it)\n");
  expect(render({ address: 1n, inlined: false, reason: "not mapped" })).toBe(
    "0x00000000000001: <no-symbol> (not mapped)\n",
  );
});

test("generated code has no module: its function starts at an absolute address", () => {
  const frame = { address: 0x7ff9e4005e90n, symbol: "JS:*hot", offset: 16, module: "[jit]", inlined: false };
  expect(render(frame)).toBe("0x007ff9e4005e90: JS:*hot @ 0x7ff9e4005e80+0x10 [jit]\n");
  expect(render({ address: 1n, module: "[jit]", inlined: false, reason: "no perf map" })).toBe(
    "0x00000000000001: <no-symbol> [jit] (no perf map)\n",
  );
});

test("as a stack in memleak's layout: addresses are numbered, inlined calls share their caller's", () => {
  const second = { address: 0x1000n, inlined: false, reason: "not mapped" };
  const options = { fullPaths: false };
  expect(renderAddressInStack(FRAMES.slice(1), options, 0) + renderAddressInStack([second], options, 1)).toBe(
    [
      "  0 [<000056076afcb6f2>] middle [inlined] a.c:5",
      "                           alloc_v3+0x18 test_memleak.c:8",
      "  1 [<0000000000001000>] (not mapped)",
      "",
    ].join("\n"),
  );
});

test("in JSON addresses are hexadecimal text, unsigned, and what is unknown is absent", () => {
  expect(JSON.parse(toJson({ address: 2n ** 64n - 1n, symbol: undefined, moduleAddress: -1, line: 8 }))).toEqual({
    address: "0xffffffffffffffff",
    moduleAddress: "0xffffffffffffffff",
    line: 8,
  });
});

describe("an address that was kept", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.constantFrom("f", "operator new(unsigned long)", "/src/ä.c", ""),
  );
  const count = fc.integer({ min: 1, max: 2 ** 32 });
  // Of a program, and of a kernel.
  const start = fc.oneof(fc.nat(2 ** 45), fc.integer({ min: -(2 ** 45), max: -(2 ** 20) - 1 }));
  const place = { file: text, line: count, column: count };
  const inlined = fc.record({ symbol: text, ...place }, { requiredKeys: [] });
  const last = fc.record({ symbol: text, offset: fc.nat(2 ** 20), reason: text, ...place }, { requiredKeys: [] });

  /** What is written of it; undefined when that is left to `renderAddress`. */
  function writeKept(frames: ModuleFrame[], address: number, inlines = true): string | undefined {
    const writer = new IndexWriter();
    expect(writer.add(address, address + 1, address, frames)).toBe(true);
    const key = new Uint8Array(32);
    const file = Buffer.alloc(1 << 16);
    let size = 0;
    writer.encode(key, false, crc32, (bytes, at) => {
      file.set(bytes, at);
      size = Math.max(size, at + bytes.length);
    });
    const reader = new IndexReader(memorySource("index", file.subarray(0, size)), key, crc32);
    let written = "";
    const out = new ByteOutput((bytes) => {
      written += Buffer.from(bytes).toString("utf8");
      return true;
    });
    const isPlain = writeAddress(out, address, address, reader.chain(reader.locate(address)), inlines);
    out.flush();
    return isPlain ? written : undefined;
  }

  test("is written as it is rendered, and every plain function is written", () => {
    fc.assert(
      fc.property(fc.array(inlined, { maxLength: 4 }), last, start, fc.boolean(), (calls, fn, start, inlines) => {
        const address = start + (fn.offset ?? 0);
        const frames: ModuleFrame[] = [
          ...calls.map((call) => ({ ...call, inlined: true, moduleAddress: address })),
          { ...fn, inlined: false, moduleAddress: address },
        ];
        const isPlain = fn.symbol !== undefined && fn.offset !== undefined;
        const all = frames.map((frame) => ({ ...frame, address: BigInt.asUintN(64, BigInt(address)) }));
        const rendered = renderAddress(inlines ? all : withoutInlines(all));
        expect(writeKept(frames, address, inlines)).toBe(isPlain ? rendered : undefined);
      }),
    );
  });

  test("of a section, or before its function, is left to be rendered", () => {
    const frame = { symbol: "f", offset: 2, inlined: false, moduleAddress: 18 };
    expect(writeKept([frame], 18)).toBe("0x00000000000012: f @ 0x10+0x2\n");
    expect(writeKept([{ ...frame, section: ".text" }], 18)).toBeUndefined();
    expect(writeKept([{ ...frame, moduleAddress: 2 }], 18)).toBeUndefined();
    expect(writeKept([{ ...frame, offset: -1 }], 18)).toBeUndefined();
  });
});
