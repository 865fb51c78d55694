/**
 * `leakline prepare`: compiles unwind tables here, to be used by `record` and `attach` on a machine that is too small
 * to do that itself, or whose files have lost what tables are made of.
 */

import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ByteSource } from "../base/bytes.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { savePreparedTable } from "../capture/prepared-tables.ts";
import { decompress } from "../compress/decompress.ts";
import { openElf } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { openMappedFile } from "../process/mapped-file.ts";
import { executableMappings } from "../process/modules.ts";
import { plural } from "../report/names.ts";
import { compileUnwindTable } from "../unwind/index.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { note, print } from "./output.ts";

export const prepare: Command = {
  name: "prepare",
  summary: "compile unwind tables, to be shipped to a small device that records",
  operands: "[FILE…]",
  options: {
    output: { value: "DIR", short: "o", help: "where to: one BUILD-ID.unwind for each file" },
    pid: { value: "PID", short: "p", help: "all files whose code this process has mapped" },
    sysroot: { value: "DIR", help: "all programs and libraries below DIR" },
  },
  examples: [
    ["leakline prepare ./server /lib/x86_64-linux-gnu/libc.so.6 -o tables", "these two"],
    ["leakline prepare --sysroot ./device-root -o tables", "whatever a device has"],
    ["sudo leakline record -p 1234 -o leak.rec --unwind-dir tables", "then, on the device"],
  ],
  run,
};

/** Opens a file and closes it again. `isWanted`: it was named, so that it is a failure when it cannot be prepared. */
type Input = { path: string; isWanted: boolean; open(): ByteSource };

async function run(given: Arguments): Promise<number> {
  const directory = given.text("output");
  const pid = given.text("pid");
  const sysroot = given.text("sysroot");
  if (directory === undefined) throw usageError("prepare needs -o DIR");
  if (given.operands.length === 0 && pid === undefined && sysroot === undefined) {
    throw usageError("prepare needs a FILE, --pid or --sysroot");
  }
  const inputs = [
    ...given.operands.map((path): Input => ({ path, isWanted: true, open: () => openFile(path) })),
    ...(pid === undefined ? [] : filesOfProcess(parsePid(pid))),
    ...(sysroot === undefined ? [] : filesBelow(sysroot)),
  ];
  makeFolder(directory);
  const done = new Map<string, number>();
  let failures = 0;
  for (const input of inputs) {
    try {
      prepareOne(input, directory, done);
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      if (!input.isWanted && (error.code === "malformed" || error.code === "unsupported")) continue;
      note(describeError(error));
      failures++;
    }
  }
  note(`${plural(done.size, "table")} in ${directory}; use them with --unwind-dir`);
  return failures > 0 || done.size === 0 ? EXIT.failed : EXIT.done;
}

/** @param done by build ID, the rows of its table: a separate debug file shares the ID, and may have fewer. */
function prepareOne({ path, isWanted, open }: Input, directory: string, done: Map<string, number>): void {
  const source = open();
  try {
    const elf = openElf(source, { decompress });
    const { buildId } = elf;
    if (buildId === undefined) {
      if (!isWanted) return;
      throw new LeaklineError("not-found", `${path} has no build ID to find its table by`, {
        hint: "link with -Wl,--build-id",
      });
    }
    const table = compileUnwindTable(elf);
    const rows = table.starts.length;
    const known = done.get(buildId) ?? 0;
    if (rows <= known) {
      if (!isWanted || known > 0) return;
      throw new LeaklineError("not-found", `${path} has no call frame information (.eh_frame, .debug_frame)`);
    }
    const saved = savePreparedTable(directory, buildId, table);
    done.set(buildId, rows);
    print(`${saved.path}  ${plural(rows, "row")}, ${saved.size} bytes  ${path}\n`);
  } finally {
    source.close?.();
  }
}

function filesOfProcess(pid: number): Input[] {
  return executableMappings(pid).map(({ path, mappings }) => ({
    path,
    isWanted: true,
    open: () => openMappedFile(pid, mappings[0]).bytes,
  }));
}

/**
 * All regular files below a folder. Links are not followed: they would lead out of it, to the files of this machine.
 *
 * @throws LeaklineError `io` when it is no folder that can be read.
 */
function filesBelow(folder: string): Input[] {
  const inputs: Input[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const entry of entriesOf(next, next === folder)) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) inputs.push({ path, isWanted: false, open: () => openFile(path) });
    }
  }
  return inputs;
}

function entriesOf(folder: string, isTop: boolean) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (cause) {
    const error = new LeaklineError("io", `${folder}: cannot be read: ${(cause as Error).message}`, { cause });
    if (isTop) throw error;
    note(describeError(error));
    return [];
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (cause) {
    throw new LeaklineError("io", `${path}: cannot be made: ${(cause as Error).message}`, { cause });
  }
}
