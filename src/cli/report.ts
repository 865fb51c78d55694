/** `leakline report`: resolves a recording, on any machine that has the recorded binaries. */

import type { StackEvent } from "../recording/events.ts";
import { buildReport } from "../report/model.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import { openLocalRecording } from "../symbolize/local/local-recording.ts";
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
  await reportRecording(given.operands[0], given.texts("sysroot"), reportOptionsFrom(given), debuginfodFrom(given));
  return EXIT.done;
}

/** @throws LeaklineError when the file is no recording or cannot be read. */
export async function reportRecording(
  path: string,
  sysroots: readonly string[],
  options: ReportOptions,
  debuginfod?: Debuginfod,
): Promise<void> {
  const { debugDirectories } = options;
  const { recording, symbolizer, damage } = openLocalRecording(path, { sysroots, debugDirectories, debuginfod });
  if (damage) note(`${path}: ${damage}`);
  if (recording.time === undefined) note(`${path}: no interval was recorded yet`);
  else if (recording.endReason === undefined)
    note(`${path}: has no end: the recorder still runs or was killed; this is its last reading`);
  const resolve = (stack: StackEvent): Frame[] => symbolizer.resolveStack(stack);
  const report = await resolveAndFetch(
    debuginfod,
    () => buildReport(recording, resolve, { ...options, final: true, damage }),
    () => symbolizer.reopen(),
  );
  print(renderReport(report, options));
  for (const problem of symbolizer.problems()) note(problem);
}
