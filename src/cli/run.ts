/** `leakline run`: starts a command, traces it from its first instruction, and prints what leaks. */

import { setTimeout } from "node:timers/promises";
import { LeaklineError } from "../base/errors.ts";
import { foreseeMappedFiles } from "../process/foresee-files.ts";
import { exitStatus, launchWaiting } from "../process/launch.ts";
import { resolveUser } from "../process/user.ts";
import { traceAndReport } from "./attach.ts";
import { type Arguments, type Command, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { LIVE_OPTIONS, liveOptionsFrom } from "./live.ts";
import { note } from "./output.ts";
import { REPORT_OPTIONS, reportOptionsFrom } from "./report-options.ts";

export const run: Command = {
  name: "run",
  summary: "start a command, trace it from its first instruction, print what leaks",
  operands: "-- COMMAND [ARGUMENT…]",
  options: {
    user: { value: "NAME", help: "run the command as this user (name or UID, :GROUP may follow)" },
    ...LIVE_OPTIONS,
    ...REPORT_OPTIONS,
  },
  examples: [
    ["sudo leakline run -- ./server --port 8080", "Ctrl-C goes to the command, then the final report comes"],
    ["sudo leakline run --user $USER -- ./server", "not as root"],
    ["sudo leakline run --children -- ./start.sh", "also what the script starts"],
  ],
  run: runCommand,
};

async function runCommand(given: Arguments): Promise<number> {
  const words = given.operands;
  if (words.length === 0) throw usageError("run needs a command", "leakline run -- ./server --port 8080");
  const live = liveOptionsFrom(given);
  const report = reportOptionsFrom(given);
  const userText = given.text("user");
  const user = userText === undefined ? undefined : resolveUser(userText);
  const options = { env: process.env, cwd: process.cwd(), user };
  const command = await launchWaiting(words, options);
  let interrupts = 0;
  try {
    const { files, problem } = await foreseeMappedFiles(words, options);
    if (problem) note(`not all of its files are known beforehand: ${problem}`);
    if (files.length === 0) throw new LeaklineError("unsupported", `${words[0]}: not known what it will execute`);
    await traceAndReport([{ pid: command.pid, foreseen: files }], live, report, {
      started: command.go,
      // The command has got the first one too; who presses Ctrl-C again wants an end.
      interrupted: () => interrupts++ === 0,
    });
  } catch (error) {
    command.cancel();
    throw error;
  }
  // It may go on when the time was up, or on SIGTERM: then it is left alone.
  const end = await Promise.race([command.ended, setTimeout(100, undefined)]);
  if (!end) {
    note(`${words[0]} (${command.pid}) runs on`);
    return EXIT.done;
  }
  if (exitStatus(end) !== 0) note(`${words[0]} ended with status ${exitStatus(end)}`);
  return exitStatus(end);
}
