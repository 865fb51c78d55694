/** What is in the file, and when. */

import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/oracle.ts";
import { decodeRecording, SAMPLE } from "../../test/support/recording-events.ts";
import { LeaklineError } from "../base/errors.ts";
import { createRecording } from "./writer.ts";

test("after each interval the file holds all events so far: a killed recorder loses no more than the last interval", () => {
  const path = join(temporaryDirectory(), "leak.rec");
  const writer = createRecording(path);
  const beforeInterval = SAMPLE.findIndex(({ kind }) => kind === "interval");
  for (const event of SAMPLE.slice(0, beforeInterval)) writer.add(event);
  expect(readFileSync(path)).toHaveLength(0);
  writer.add(SAMPLE[beforeInterval]);
  expect(decodeRecording(readFileSync(path)).events).toEqual(SAMPLE.slice(0, beforeInterval + 1));
  expect(writer.size).toBe(statSync(path).size);
  writer.add(SAMPLE[beforeInterval + 1]);
  writer.close();
  expect(decodeRecording(readFileSync(path)).events).toEqual(SAMPLE);
});

test("only its owner may read a recording", () => {
  const path = join(temporaryDirectory(), "leak.rec");
  createRecording(path).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a file that is there already is never overwritten, and a folder that is not there is named", () => {
  const folder = temporaryDirectory();
  const path = join(folder, "leak.rec");
  writeFileSync(path, "precious");
  expect(() => createRecording(path)).toThrow(LeaklineError);
  expect(readFileSync(path, "latin1")).toBe("precious");
  expect(() => createRecording(join(folder, "nowhere", "leak.rec"))).toThrow(LeaklineError);
  expect(existsSync(join(folder, "nowhere"))).toBe(false);
});
