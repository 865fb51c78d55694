/**
 * Recordings for tests: one of every event, random ones, and chunks put together byte by byte as
 * docs/recording-format.md says.
 */

import { crc32 } from "node:zlib";
import fc from "fast-check";
import { memorySource } from "../../src/base/bytes.ts";
import { ByteWriter } from "../../src/recording/codec.ts";
import type { RecordingEvent } from "../../src/recording/events.ts";
import { encodeChunk, encodeFileHeader } from "../../src/recording/format.ts";
import { type ReadResult, readRecording } from "../../src/recording/reader.ts";

const LOSSES = {
  droppedBlocks: 1,
  droppedStacks: 2,
  droppedThreads: 3,
  missedFrees: 4,
  unmatchedFrees: 5,
  abandonedCalls: 6,
};

/** One of every event: the tutorial's leak. */
export const SAMPLE: readonly RecordingEvent[] = [
  { kind: "start", time: 1_700_000_000_000, leakline: "0.1.0", architecture: "x86_64", kernel: "6.1.0-18-amd64", sampleBytes: 0 },
  {
    kind: "process",
    time: 1_700_000_000_000,
    pid: 22487,
    startTicks: 123_456,
    name: "test_memleak",
    executable: "/home/u/test_memleak",
  },
  {
    kind: "file",
    file: 1,
    path: "/home/u/test_memleak",
    deviceMajor: 8,
    deviceMinor: 1,
    inode: 32_658_117n,
    buildId: "0123456789abcdef0123456789abcdef01234567",
    segments: [{ offset: 0, fileSize: 2560, address: 0, memorySize: 2560, flags: 5 }],
  },
  {
    kind: "mappings",
    time: 1_700_000_000_001,
    pid: 22487,
    mappings: [
      { start: 0x56076afcb000n, end: 0x56076afcc000n, offset: 0, file: 1, label: "" },
      { start: 0x7fffffffe000n, end: 0x7ffffffff000n, offset: 0, file: -1, label: "[uprobes]" },
    ],
  },
  {
    kind: "stack",
    stack: 1,
    pid: 22487,
    class: "heap",
    end: "bad-frame-pointer",
    addresses: [0x56076afcb6f2n, 0x56076afcb711n, 0x5f6258d4c544155n],
    verified: 1,
  },
  { kind: "exit", time: 1_700_000_004_999, pid: 22487 },
  {
    kind: "interval",
    time: 1_700_000_005_000,
    totals: [{ stack: 1, bytes: 8, blocks: 2, allocatedBytes: 2056, allocatedBlocks: 4 }],
    losses: LOSSES,
  },
  { kind: "end", time: 1_700_000_005_001, reason: "stopped" },
];

const time = fc.nat({ max: 8.64e15 });
const pid = fc.nat({ max: 2 ** 22 });
const number = fc.nat({ max: 2 ** 20 });
const unsigned = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const address = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const text = fc.string({ unit: "grapheme" });

/** Any event that the format can hold. */
export const anyEvent: fc.Arbitrary<RecordingEvent> = fc.oneof(
  fc.record({ kind: fc.constant("start" as const), time, leakline: text, architecture: text, kernel: text }),
  fc.record({ kind: fc.constant("process" as const), time, pid, startTicks: unsigned, name: text, executable: text }),
  fc.record({
    kind: fc.constant("file" as const),
    file: number,
    path: text,
    deviceMajor: unsigned,
    deviceMinor: unsigned,
    inode: address,
    buildId: text,
    segments: fc.array(
      fc.record({
        offset: unsigned,
        fileSize: unsigned,
        address: fc.maxSafeInteger(),
        memorySize: unsigned,
        flags: unsigned,
      }),
    ),
  }),
  fc.record({
    kind: fc.constant("mappings" as const),
    time,
    pid,
    mappings: fc.array(
      fc.record({
        start: address,
        end: address,
        offset: unsigned,
        file: fc.integer({ min: -1, max: 2 ** 20 }),
        label: text,
      }),
    ),
  }),
  fc.record({
    kind: fc.constant("stack" as const),
    stack: number,
    pid,
    class: fc.constantFrom("heap" as const, "mapping" as const),
    end: fc.constantFrom(...(["end", "bad-frame-pointer", "unreadable", "too-deep", "no-rule", "bad-frame"] as const)),
    addresses: fc.array(address),
  }),
  fc.record({
    kind: fc.constant("interval" as const),
    time,
    totals: fc.array(
      fc.record({
        stack: number,
        bytes: unsigned,
        blocks: unsigned,
        allocatedBytes: unsigned,
        allocatedBlocks: unsigned,
      }),
    ),
    losses: fc.record({
      droppedBlocks: unsigned,
      droppedStacks: unsigned,
      droppedThreads: unsigned,
      missedFrees: unsigned,
      unmatchedFrees: unsigned,
      abandonedCalls: unsigned,
    }),
  }),
  fc.record({ kind: fc.constant("exit" as const), time, pid }),
  fc.record({ kind: fc.constant("end" as const), time, reason: text }),
);

/** A whole recording. */
export function encodeRecording(events: readonly RecordingEvent[]): Uint8Array {
  const writer = new ByteWriter();
  writer.bytes(encodeFileHeader());
  for (const event of events) encodeChunk(writer, event);
  return writer.result();
}

/** What a reader gets out of it. */
export function decodeRecording(bytes: Uint8Array): ReadResult & { events: RecordingEvent[] } {
  const events: RecordingEvent[] = [];
  const result = readRecording(memorySource("leak.rec", bytes), (event) => events.push(event));
  return { ...result, events };
}

/** A recording of one chunk with any payload and the checksum that fits: what an attacker can make. */
export function forgeRecording(type: number, payload: readonly number[]): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(type, 0);
  header.writeUInt32LE(payload.length, 4);
  header.writeUInt32LE(crc32(Buffer.concat([header.subarray(0, 8), Buffer.from(payload)])), 8);
  return Buffer.concat([Buffer.from("LEAKLINE\x01\0\0\0", "latin1"), header, Buffer.from(payload)]);
}
