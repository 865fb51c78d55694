/** `leakline record`: capture only, into a file. Resolves nothing, so it stays small. */

import { unlinkSync } from "node:fs";
import { createRecording } from "../recording/writer.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { LIVE_OPTIONS, liveOptionsFrom, traceLive } from "./live.ts";
import { note } from "./output.ts";

export const record: Command = {
  name: "record",
  summary: "record a process's allocations into a file, to resolve later or elsewhere",
  operands: "",
  options: {
    pid: { value: "PID", short: "p", help: "the process" },
    output: { value: "FILE", short: "o", help: "where to; must not exist yet" },
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
  const pidText = given.text("pid");
  const path = given.text("output");
  if (pidText === undefined || path === undefined) throw usageError("record needs -p PID and -o FILE");
  if (given.operands.length > 0) throw usageError(`${given.operands[0]}: record takes no operands`);
  const options = liveOptionsFrom(given);
  const pid = parsePid(pidText);

  const writer = createRecording(path);
  try {
    let readings = 0;
    const end = await traceLive(pid, options, {
      emit: writer.add,
      attached({ process }) {
        note(`recording ${process.command} (${process.pid}) into ${path}; Ctrl-C ends`);
      },
      reading() {
        readings++;
        if (process.stderr.isTTY) process.stderr.write(`\r${readings} readings, ${writer.size} bytes `);
      },
    });
    note(`${end}: ${readings} readings, ${writer.size} bytes; resolve them with: leakline report ${path}`);
  } finally {
    writer.close();
    // Nothing was read, so nothing is lost: an empty file would only be in the way of the next try.
    if (writer.size === 0) unlinkSync(path);
  }
  return EXIT.done;
}
