/**
 * docs/recording-format.md is complete: a reader in another language, made from that page alone, reads what we write.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { anyEvent, encodeRecording, forgeRecording, SAMPLE } from "../../test/support/recording-events.ts";
import type { Losses, RecordingEvent } from "./events.ts";

const READER = fileURLToPath(new URL("../../test/recording-format/read_recording.py", import.meta.url));

function readWithPython(bytes: Uint8Array): unknown[] {
  const path = join(temporaryDirectory(), "leak.rec");
  writeFileSync(path, bytes);
  const lines = run("python3", READER, path).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

test("an independent reader reads one of every event", (context) => {
  needTools(context, "python3");
  expect(readWithPython(encodeRecording(SAMPLE))).toEqual(SAMPLE.map(inWordsOfThePage));
});

test("an independent reader reads any events", (context) => {
  needTools(context, "python3");
  fc.assert(
    fc.property(fc.array(anyEvent, { minLength: 20, maxLength: 40 }), (events) => {
      expect(readWithPython(encodeRecording(events))).toEqual(events.map(inWordsOfThePage));
    }),
    { numRuns: 10 },
  );
});

test("an independent reader sees a cut-off chunk where we do, and passes over unknown types and new fields", (context) => {
  needTools(context, "python3");
  const cut = encodeRecording(SAMPLE).subarray(0, -1);
  const lastChunk = encodeRecording(SAMPLE.slice(0, -1)).length;
  expect(readWithPython(cut).at(-1)).toEqual({ damage: `a chunk is cut off, at byte ${lastChunk}` });
  expect(readWithPython(forgeRecording(200, [1, 2]))).toEqual([]);
  expect(readWithPython(forgeRecording(7, [5, 1, 0x61, 99]))).toEqual([{ end: { time: 5, reason: "a" } }]);
});

/** An event under the names that the page gives to its fields; 64-bit numbers as decimal strings. */
function inWordsOfThePage(event: RecordingEvent): object {
  switch (event.kind) {
    case "process": {
      const { time, pid, startTicks: start, name, executable } = event;
      return { process: { time, pid, start, name, executable } };
    }
    case "file": {
      const { file, path, deviceMajor, deviceMinor, inode, buildId, segments } = event;
      return {
        file: {
          file,
          path,
          "device major": deviceMajor,
          "device minor": deviceMinor,
          inode: String(inode),
          "build ID": buildId,
          segments: segments.map(({ offset, fileSize, address, memorySize, flags }) => ({
            offset,
            "file size": fileSize,
            address: String(address),
            "memory size": memorySize,
            flags,
          })),
        },
      };
    }
    case "mappings":
      return {
        mappings: {
          time: event.time,
          pid: event.pid,
          mappings: event.mappings.map(({ start, end, offset, file, label }) => ({
            start: String(start),
            end: String(end),
            offset,
            file: file + 1,
            label,
          })),
        },
      };
    case "stack":
      return {
        stack: {
          stack: event.stack,
          pid: event.pid,
          class: { heap: 0, mapping: 1 }[event.class],
          end: { end: 0, "bad-frame-pointer": 1, unreadable: 2, "too-deep": 3, "no-rule": 4, "bad-frame": 5 }[
            event.end
          ],
          addresses: event.addresses.map(String),
        },
      };
    case "interval":
      return {
        interval: {
          time: event.time,
          totals: event.totals.map(({ stack, bytes, blocks, allocatedBytes, allocatedBlocks }) => ({
            stack,
            bytes,
            blocks,
            "allocated bytes": allocatedBytes,
            "allocated blocks": allocatedBlocks,
          })),
          ...lossesInWordsOfThePage(event.losses),
        },
      };
    default: {
      const { kind, ...fields } = event;
      return { [kind]: fields };
    }
  }
}

function lossesInWordsOfThePage(losses: Losses): object {
  return {
    "dropped blocks": losses.droppedBlocks,
    "dropped stacks": losses.droppedStacks,
    "dropped threads": losses.droppedThreads,
    "missed frees": losses.missedFrees,
    "unmatched frees": losses.unmatchedFrees,
    "abandoned calls": losses.abandonedCalls,
  };
}
