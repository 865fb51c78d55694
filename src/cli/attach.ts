/** `leakline attach`: traces a process and prints what leaks, with function, file and line. */

import { Recording } from "../recording/recording.ts";
import { buildReport } from "../report/model.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { Symbolizer } from "../symbolize/symbolizer.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { LIVE_OPTIONS, type LiveOptions, liveOptionsFrom, traceLive } from "./live.ts";
import { note, print } from "./output.ts";
import { REPORT_OPTIONS, type ReportOptions, renderReport, reportOptionsFrom } from "./report-options.ts";

export const attach: Command = {
  name: "attach",
  summary: "trace a running process and print what leaks",
  operands: "PID",
  options: { ...LIVE_OPTIONS, ...REPORT_OPTIONS },
  examples: [
    ["sudo leakline attach 1234", "every 5 seconds; p prints now, q or Ctrl-C ends"],
    ["sudo leakline attach 1234 -i 60 -n 3", "the 3 largest stacks, once a minute"],
    ["sudo leakline attach 1234 -d 30 --json", "for scripts"],
    ["sudo pkill -USR1 -x leakline", "prints now, from elsewhere"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  if (given.operands.length !== 1) throw usageError("attach needs one PID", "find it with pidof NAME or ps");
  await attachAndReport(parsePid(given.operands[0]), liveOptionsFrom(given), reportOptionsFrom(given));
  return EXIT.done;
}

/** @throws LeaklineError when the process cannot be traced. */
export async function attachAndReport(pid: number, live: LiveOptions, options: ReportOptions): Promise<void> {
  const recording = new Recording();
  const { debugDirectories } = options;
  const symbolizer = new Symbolizer(recording, localFiles({ live: true, debugDirectories }));
  const end = await traceLive(pid, live, {
    emit(event) {
      recording.apply(event);
      if (event.kind === "mappings") symbolizer.openMappedFiles(event);
    },
    attached({ process, libraries }) {
      const files = libraries.map((library) => library.module.path).join(", ");
      note(`attached to ${process.command} (${process.pid}): allocator in ${files}`);
      note(`a report every ${live.interval / 1000} s; p or SIGUSR1 prints now, q or Ctrl-C ends`);
    },
    reading(final) {
      const report = buildReport(recording, (stack) => symbolizer.resolveStack(stack), { ...options, final });
      print(renderReport(report, options));
    },
  });
  for (const problem of symbolizer.problems()) note(problem);
  note(`${end}; that was the final report`);
}
