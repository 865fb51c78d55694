/**
 * The file format of recordings: chunks, and the fields of each event. `docs/recording-format.md` is its
 * specification, for readers written by others.
 *
 * A file is an 8-byte magic, a version, and chunks. A chunk is its type, the length of its payload and a CRC-32, each
 * four bytes, little-endian, and the payload. The checksum covers type and length too: a flipped bit in the type would
 * otherwise make a reader skip the chunk as one that it does not know. Chunks are only ever appended, and an interval's
 * chunks are written in one call, so whatever ends the recorder, all whole chunks before that moment are readable.
 */

import { crc32 } from "node:zlib";
import { Cursor } from "../base/cursor.ts";
import {
  address,
  ByteWriter,
  type Codec,
  constant,
  list,
  oneOf,
  record,
  signed,
  text,
  unsigned,
  upTo,
} from "./codec.ts";
import type {
  EndEvent,
  ExitEvent,
  FileEvent,
  IntervalEvent,
  Losses,
  MappingsEvent,
  ProcessEvent,
  RecordedMapping,
  RecordedSegment,
  RecordingEvent,
  StackEvent,
  StackTotals,
  StartEvent,
} from "./events.ts";

/** First eight bytes of a recording. */
export const MAGIC = new TextEncoder().encode("LEAKLINE");

/** Raised when older readers would misread; unknown chunk types they skip. */
export const FORMAT_VERSION = 1;

/** Magic, version (4 bytes). */
export const FILE_HEADER_SIZE = 12;
/** Type, length, CRC-32 (4 bytes each). */
export const CHUNK_HEADER_SIZE = 12;
/** What a reader accepts: a recording may come from anyone. */
export const MAX_PAYLOAD = 64 << 20;
/** Largest number of a stack: that many different ones are recorded at most. */
export const MAX_STACKS = 1 << 20;
/** Largest number of a file. */
const MAX_FILES = 1 << 20;
/** PID_MAX_LIMIT of include/linux/threads.h, 64 bits. */
const MAX_PID = 1 << 22;
/** Largest time that a Date can hold (ECMA-262, "Time Values and Time Range"), milliseconds. */
const MAX_TIME = 8.64e15;

const time = upTo(MAX_TIME);
const stackNumber = upTo(MAX_STACKS);
const pid = upTo(MAX_PID);

const start = record<StartEvent>({
  kind: constant("start"),
  time,
  leakline: text,
  architecture: text,
  kernel: text,
  sampleBytes: unsigned,
});

const processEvent = record<ProcessEvent>({
  kind: constant("process"),
  time,
  pid,
  startTicks: unsigned,
  name: text,
  executable: text,
});

const exit = record<ExitEvent>({ kind: constant("exit"), time, pid });

const segment = record<RecordedSegment>({
  offset: unsigned,
  fileSize: unsigned,
  address: signed,
  memorySize: unsigned,
  flags: unsigned,
});

const file = record<FileEvent>({
  kind: constant("file"),
  file: upTo(MAX_FILES),
  path: text,
  deviceMajor: unsigned,
  deviceMinor: unsigned,
  inode: address,
  buildId: text,
  segments: list(segment),
});

/** 0 is "no file". */
const optionalFile: Codec<number> = {
  write: (to, value) => unsigned.write(to, value + 1),
  read: (from) => upTo(MAX_FILES + 1).read(from) - 1,
};

const mapping = record<RecordedMapping>({
  start: address,
  end: address,
  offset: unsigned,
  file: optionalFile,
  label: text,
});

const mappings = record<MappingsEvent>({
  kind: constant("mappings"),
  time,
  pid,
  mappings: list(mapping),
});

const stack = record<StackEvent>({
  kind: constant("stack"),
  stack: stackNumber,
  pid,
  class: oneOf("heap", "mapping"),
  end: oneOf("end", "bad-frame-pointer", "unreadable", "too-deep", "no-rule", "bad-frame"),
  addresses: list(address),
  verified: unsigned,
});

const totals = record<StackTotals>({
  stack: stackNumber,
  bytes: unsigned,
  blocks: unsigned,
  allocatedBytes: unsigned,
  allocatedBlocks: unsigned,
});

const losses = record<Losses>({
  droppedBlocks: unsigned,
  droppedStacks: unsigned,
  droppedThreads: unsigned,
  missedFrees: unsigned,
  unmatchedFrees: unsigned,
  abandonedCalls: unsigned,
});

const interval = record<IntervalEvent>({
  kind: constant("interval"),
  time,
  totals: list(totals),
  losses,
});

const end = record<EndEvent>({ kind: constant("end"), time, reason: text });

/** Index: chunk type. Types are never used again for something else. */
const codecs: readonly (Codec<RecordingEvent> | undefined)[] = [
  undefined,
  start,
  processEvent,
  file,
  mappings,
  stack,
  interval,
  end,
  exit,
] as Codec<RecordingEvent>[];

const CHUNK_TYPES: { readonly [K in RecordingEvent["kind"]]: number } = {
  start: 1,
  process: 2,
  file: 3,
  mappings: 4,
  stack: 5,
  interval: 6,
  end: 7,
  exit: 8,
};

/** Magic and version. */
export function encodeFileHeader(): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_SIZE);
  bytes.set(MAGIC);
  new DataView(bytes.buffer).setUint32(MAGIC.length, FORMAT_VERSION, true);
  return bytes;
}

/** Appends the event's chunk. */
export function encodeChunk(to: ByteWriter, event: RecordingEvent): void {
  const type = CHUNK_TYPES[event.kind];
  const payload = new ByteWriter();
  codecs[type]?.write(payload, event);
  const bytes = payload.result();
  const header = new Uint8Array(CHUNK_HEADER_SIZE);
  const view = new DataView(header.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  view.setUint32(8, chunkChecksum(header, bytes), true);
  to.bytes(header);
  to.bytes(bytes);
}

/** CRC-32 of type and length, the header's first 8 bytes, and the payload. */
export function chunkChecksum(header: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(header.subarray(0, 8)));
}

/**
 * @param type chunk type; undefined comes back for one that this version does not know.
 * @throws MalformedError when the payload is not what its type says.
 */
export function decodePayload(type: number, payload: Uint8Array, fileName: string): RecordingEvent | undefined {
  return codecs[type]?.read(new Cursor(payload, true, fileName, `chunk of type ${type}`));
}
