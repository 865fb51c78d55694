/** `leakline report`: resolves a recording, on any machine that has the recorded binaries. */

import type { StackEvent } from "../recording/events.ts";
import { buildReport } from "../report/model.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import type { IndexStore } from "../symbolize/local/index-store.ts";
import { openLocalRecording } from "../symbolize/local/local-recording.ts";
import { ANSWERS_OPTION, answersFrom } from "./answers.ts";
import { type Arguments, type Command, usageError } from "./command.ts";
import { DEBUGINFOD_OPTION, debuginfodFrom, resolveAndFetch } from "./debuginfod.ts";
import { EXIT } from "./exit-codes.ts";
import { note, print } from "./output.ts";
import { REPORT_OPTIONS, type ReportOptions, renderReport, reportOptionsFrom } from "./report-options.ts";

export const report: Command = {
  name: "report",
  summary: "resolve a recording and print what leaks",
  operands: "FILE",
  options: {
    sysroot: { value: "DIR", help: "look for the recorded binaries below DIR instead of /", multiple: true },
    ...REPORT_OPTIONS,
    ...DEBUGINFOD_OPTION,
    ...ANSWERS_OPTION,
  },
  examples: [
    ["leakline report leak.rec", "with the binaries of this machine"],
    ["leakline report leak.rec --sysroot ./device-root", "with those of the device it was recorded on"],
    ["leakline report leak.rec --json", "one JSON object"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  if (given.operands.length !== 1) throw usageError("report needs one FILE");
  const stores = { debuginfod: debuginfodFrom(given), answers: answersFrom(given) };
  await reportRecording(given.operands[0], given.texts("sysroot"), reportOptionsFrom(given), stores);
  return EXIT.done;
}

/** @throws LeaklineError when the file is no recording or cannot be read. */
export async function reportRecording(
  path: string,
  sysroots: readonly string[],
  options: ReportOptions,
  stores: { debuginfod?: Debuginfod | undefined; answers?: IndexStore | undefined } = {},
): Promise<void> {
  const { debugDirectories } = options;
  const { recording, symbolizer, damage } = openLocalRecording(path, { sysroots, debugDirectories, ...stores });
  if (damage) note(`${path}: ${damage}`);
  if (recording.time === undefined) note(`${path}: no interval was recorded yet`);
  else if (recording.endReason === undefined)
    note(`${path}: has no end: the recorder still runs or was killed; this is its last reading`);
  const resolve = (stack: StackEvent): Frame[] => symbolizer.resolveStack(stack);
  const report = await resolveAndFetch(
    stores.debuginfod,
    () => buildReport(recording, resolve, { ...options, final: true, damage }),
    () => symbolizer.reopen(),
  );
  print(renderReport(report, options));
  for (const problem of symbolizer.problems()) note(problem);
}
