/** `leakline record`: capture only, into a file. Resolves nothing, so it stays small. */

import { unlinkSync } from "node:fs";
import { createRecording } from "../recording/writer.ts";
import { plural } from "../report/names.ts";
import { type Arguments, type Command, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { LIVE_OPTIONS, liveOptionsFrom, traceLive } from "./live.ts";
import { note } from "./output.ts";
import { TARGET_OPTIONS, targetsFrom } from "./targets.ts";

export const record: Command = {
  name: "record",
  summary: "record a process's allocations into a file, to resolve later or elsewhere",
  operands: "",
  options: {
    pid: { value: "PID", short: "p", help: "the process; several are possible", multiple: true },
    output: { value: "FILE", short: "o", help: "where to; must not exist yet" },
    ...TARGET_OPTIONS,
    ...LIVE_OPTIONS,
  },
  examples: [
    ["sudo leakline record -p 1234 -o leak.rec", "until Ctrl-C or SIGTERM"],
    ["sudo leakline record -p 1234 -o leak.rec -d 3600 -i 60", "an hour, one reading a minute"],
    ["leakline report leak.rec", "then, on any machine that has the same binaries"],
  ],
  run,
};

async function run(given: Arguments): Promise<number> {
  const path = given.text("output");
  if (path === undefined) throw usageError("record needs -p PID and -o FILE");
  if (given.operands.length > 0)
    throw usageError(`${given.operands[0]}: record takes no operands`, "leakline record -p PID -o FILE");
  const options = liveOptionsFrom(given);
  const targets = targetsFrom(given, given.texts("pid"));

  const writer = createRecording(path);
  try {
    let readings = 0;
    const end = await traceLive(targets, options, {
      emit: writer.add,
      attached({ command, pid }) {
        note(`recording ${command} (${pid}) into ${path}; Ctrl-C ends`);
      },
      reading() {
        readings++;
        if (process.stderr.isTTY) process.stderr.write(`\r${plural(readings, "reading")}, ${writer.size} bytes `);
      },
    });
    note(`${end}: ${plural(readings, "reading")}, ${writer.size} bytes; resolve them with: leakline report ${path}`);
  } finally {
    writer.close();
    // Nothing was read, so nothing is lost: an empty file would only be in the way of the next try.
    if (writer.size === 0) unlinkSync(path);
  }
  return EXIT.done;
}
