/** Reading recordings that are whole, cut off, damaged, forged. The oracle is what was written. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anyEvent,
  decodeRecording,
  encodeRecording,
  forgeRecording,
  SAMPLE,
} from "../../test/support/recording-events.ts";
import { LeaklineError } from "../base/errors.ts";

const HEADER = 12;
const BYTES = encodeRecording(SAMPLE);
/** Where each event's chunk ends. */
const ENDS = SAMPLE.map((_, i) => encodeRecording(SAMPLE.slice(0, i + 1)).length);

test("any events come back as they were written", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 10 }), (events) => {
      expect(decodeRecording(encodeRecording(events))).toEqual({ damage: undefined, events });
    }),
  );
});

test("a recording that is cut off anywhere gives the events before, and says where", () => {
  for (let length = HEADER; length < BYTES.length; length++) {
    const { events, damage } = decodeRecording(BYTES.subarray(0, length));
    const whole = ENDS.filter((end) => end <= length);
    expect(events).toEqual(SAMPLE.slice(0, whole.length));
    const chunkStart = whole.at(-1) ?? HEADER;
    // Between two chunks nothing is missing that one could see.
    if (length === chunkStart) expect(damage).toBeUndefined();
    else expect(damage).toContain(`at byte ${chunkStart} of ${length}`);
  }
});

test("a flipped bit anywhere is noticed, and spoils nothing before it", () => {
  for (let bit = HEADER * 8; bit < BYTES.length * 8; bit++) {
    const damaged = BYTES.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    const { events, damage } = decodeRecording(damaged);
    expect(events).toEqual(
      SAMPLE.slice(
        0,
        ENDS.findIndex((end) => bit >> 3 < end),
      ),
    );
    expect(damage).toBeDefined();
  }
});

describe("no recording is", () => {
  function refusal(bytes: Uint8Array): LeaklineError {
    try {
      decodeRecording(bytes);
    } catch (error) {
      if (error instanceof LeaklineError) return error;
      throw error;
    }
    throw new Error("it was read");
  }

  test("a file that ends in its header", () => {
    for (let length = 0; length < HEADER; length++) expect(refusal(BYTES.subarray(0, length)).code).toBe("malformed");
    expect(refusal(new Uint8Array(0)).message).toContain("empty");
  });

  test("a file with any other bit in its header", () => {
    for (let bit = 0; bit < HEADER * 8; bit++) {
      const damaged = BYTES.slice();
      damaged[bit >> 3] ^= 1 << (bit & 7);
      expect(refusal(damaged).code).toBe(bit < 64 ? "malformed" : "unsupported");
    }
  });
});

test("chunks of unknown types and fields behind the known ones belong to a later version, and are passed over", () => {
  expect(decodeRecording(forgeRecording(200, [1, 2, 3]))).toEqual({ events: [], damage: undefined });
  expect(decodeRecording(forgeRecording(0xffffffff, []))).toEqual({ events: [], damage: undefined });
  expect(decodeRecording(forgeRecording(7, [5, 1, 0x61, 99, 99]))).toEqual({
    events: [{ kind: "end", time: 5, reason: "a" }],
    damage: undefined,
  });
});

/** As unsigned LEB128: 2^42 and 2^52. */
const TWO_42 = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01];
const TWO_52 = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x08];

describe("forged chunks, with a right checksum, are damage:", () => {
  test.each([
    ["a stack of 2^42 addresses", 5, [1, 1, 0, 0, ...TWO_42, 0]],
    ["2^42 mappings", 4, [1, 1, ...TWO_42]],
    ["a name of 2^42 bytes", 2, [1, 1, 1, ...TWO_42]],
    ["stack number 2^42", 5, [...TWO_42, 1, 0, 0, 0]],
    ["totals of stack number 2^42", 6, [1, 1, ...TWO_42, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]],
    ["process number 2^42", 2, [1, ...TWO_42, 1, 0, 0]],
    ["the exit of process 2^42", 8, [1, ...TWO_42]],
    ["file number 2^42", 3, [...TWO_42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["class 2", 5, [1, 1, 2, 0, 0]],
    ["an empty payload", 6, []],
    ["a time beyond the calendar", 7, [...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], 0]],
  ])("%s", (_what, type, payload) => {
    const { events, damage } = decodeRecording(forgeRecording(type, payload));
    expect(events).toEqual([]);
    expect(damage).toMatch(/at byte 12 of/);
  });

  test("but numbers within their limits are not", () => {
    const { events, damage } = decodeRecording(forgeRecording(7, [...TWO_52, 0]));
    expect({ events, damage }).toEqual({ events: [{ kind: "end", time: 2 ** 52, reason: "" }], damage: undefined });
  });

  test("a chunk that claims 4 GiB", () => {
    const bytes = forgeRecording(5, [1]);
    bytes.fill(0xff, 16, 20);
    expect(decodeRecording(bytes).damage).toMatch(/4294967295 bytes/);
  });
});

test("whatever bytes a forger puts into a chunk, reading ends with events or a note", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9 }), fc.array(fc.nat({ max: 255 }), { maxLength: 60 }), (type, payload) => {
      const { events, damage } = decodeRecording(forgeRecording(type, payload));
      expect(events.length === 1).toBe(damage === undefined && type >= 1 && type <= 8);
    }),
    { numRuns: 2000 },
  );
});
