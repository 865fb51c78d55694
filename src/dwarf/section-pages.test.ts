/** Pages of a section: the section's bytes, whatever was asked for before, and each page read once while it stays. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { SectionPages } from "./section-pages.ts";

const PAGE = 1 << 14;
const SIZE = 80 * PAGE + 100;
const bytes = Uint8Array.from({ length: SIZE }, (_, i) => (i ^ (i >> 8) ^ (i >> 16)) & 0xff);

/** A file's section, which counts the reads and can fail. */
function section() {
  const state = { reads: 0, fails: false };
  const source: ByteSource = {
    name: "section",
    size: SIZE,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    readInto(offset, target) {
      state.reads++;
      target.set(bytes.subarray(offset, offset + target.length / 2));
      if (state.fails) throw new LeaklineError("io", "reading failed");
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
  return { source, state };
}

describe("pages of a section", () => {
  test("have its bytes, in any order", () => {
    const place = fc.tuple(
      fc.nat(80),
      fc.constantFrom(0, 1, PAGE - 3, PAGE - 1),
      fc.constantFrom(0, 1, 4, 300, PAGE + 1),
    );
    fc.assert(
      fc.property(fc.array(place, { minLength: 1, maxLength: 60 }), (places) => {
        const pages = new SectionPages();
        const { source } = section();
        for (const [page, within, wanted] of places) {
          const offset = Math.min(page * PAGE + within, SIZE);
          const length = Math.min(wanted, SIZE - offset);
          const window = pages.read(source, offset, length);
          const found = window.subarray(pages.skipped, pages.skipped + length);
          expect(window.length - pages.skipped).toBeLessThanOrEqual(SIZE - offset);
          expect(Buffer.compare(found, bytes.subarray(offset, offset + length))).toBe(0);
        }
      }),
    );
  });

  test("are read once, the last sixty-four", () => {
    const pages = new SectionPages();
    const { source, state } = section();
    for (const round of [1, 2, 3]) {
      for (let page = 63; page >= 0; page--) pages.read(source, page * PAGE + 100 * round, 32);
      expect(state.reads).toBe(64);
    }
    pages.read(source, 64 * PAGE, 32);
    pages.read(source, 0, 32);
    expect(state.reads).toBe(65);
    // The one that was used longest ago had to go.
    pages.read(source, 63 * PAGE, 32);
    expect(state.reads).toBe(66);
  });

  test("that cannot be read are not taken for what was there before", () => {
    const pages = new SectionPages();
    const { source, state } = section();
    for (let page = 0; page < 64; page++) pages.read(source, page * PAGE, 32);
    state.fails = true;
    for (let i = 0; i < 2; i++) expect(() => pages.read(source, 65 * PAGE + 5000, 32)).toThrow("reading failed");
    state.fails = false;
    const offset = 65 * PAGE + 5000;
    const found = pages.read(source, offset, 32).subarray(pages.skipped, pages.skipped + 32);
    expect([...found]).toEqual([...bytes.subarray(offset, offset + 32)]);
  });
});
