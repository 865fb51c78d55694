/** `leakline attach`: traces running processes and prints what leaks, with function, file and line. */

import type { CaptureTarget } from "../capture/capture.ts";
import { Recording } from "../recording/recording.ts";
import { buildReport } from "../report/model.ts";
import { localFiles } from "../symbolize/local/local-files.ts";
import { Symbolizer } from "../symbolize/symbolizer.ts";
import type { Arguments, Command } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { LIVE_OPTIONS, type LiveOptions, liveOptionsFrom, type TraceHandlers, traceLive } from "./live.ts";
import { note, print } from "./output.ts";
import { REPORT_OPTIONS, type ReportOptions, renderReport, reportOptionsFrom } from "./report-options.ts";
import { TARGET_OPTIONS, targetsFrom } from "./targets.ts";

export const attach: Command = {
  name: "attach",
  summary: "trace running processes and print what leaks",
  operands: "[PID…]",
  options: { ...TARGET_OPTIONS, ...LIVE_OPTIONS, ...REPORT_OPTIONS },
  examples: [
    ["sudo leakline attach 1234", "every 5 seconds; p prints now, q or Ctrl-C ends"],
    ["sudo leakline attach 1234 -i 60 -n 3", "the 3 largest stacks, once a minute"],
    ["sudo leakline attach --name nginx --children", "all workers, and those to come"],
    ["sudo leakline attach 1234 --sample-bytes 524288", "in production: less cost, estimates"],
    ["sudo leakline attach 1234 --alloc 'pool_get(_, size)' --free 'pool_put(_, ptr)'", "an allocator of its own"],
    ["sudo leakline attach 1234 -d 30 --json", "for scripts"],
    ["sudo pkill -USR1 -x leakline", "prints now, from elsewhere"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  const live = liveOptionsFrom(given);
  const report = reportOptionsFrom(given);
  await traceAndReport(targetsFrom(given, given.operands), live, report);
  return EXIT.done;
}

/** @throws LeaklineError when a process cannot be traced. */
export async function traceAndReport(
  targets: readonly CaptureTarget[],
  live: LiveOptions,
  options: ReportOptions,
  handlers: Pick<TraceHandlers, "started" | "interrupted"> = {},
): Promise<void> {
  const recording = new Recording();
  const { debugDirectories } = options;
  const symbolizer = new Symbolizer(recording, localFiles({ live: true, debugDirectories }));
  const end = await traceLive(targets, live, {
    emit(event) {
      recording.apply(event);
      if (event.kind === "mappings") symbolizer.openMappedFiles(event);
    },
    attached({ pid, command }, libraries) {
      const files = libraries.map((library) => library.module.path).join(", ");
      note(`attached to ${command} (${pid}): allocator in ${files}`);
    },
    reading(final) {
      const report = buildReport(recording, (stack) => symbolizer.resolveStack(stack), { ...options, final });
      print(renderReport(report, options));
    },
    ...handlers,
    started() {
      const how = handlers.interrupted
        ? "SIGUSR1 prints now, SIGTERM ends"
        : "p or SIGUSR1 prints now, q or Ctrl-C ends";
      note(`a report every ${live.interval / 1000} s; ${how}`);
      handlers.started?.();
    },
  });
  for (const problem of symbolizer.problems()) note(problem);
  note(`${end}; that was the final report`);
}
