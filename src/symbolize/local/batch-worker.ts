/** A thread that resolves one part of a batch (batch-threads.ts), and ends. */

import { type MessagePort, workerData } from "node:worker_threads";
import { LeaklineError } from "../../base/errors.ts";
import { decompress } from "../../compress/decompress.ts";
import { type AnswerColumns, openDwarf } from "../../dwarf/index.ts";
import { openElf } from "../../elf/index.ts";
import { openFile } from "../../os/file-bytes.ts";
import { dwarfInput } from "../debug-sections.ts";
import type { BatchTask } from "./batch-threads.ts";

const { port, done, ...task } = workerData as BatchTask & { port: MessagePort };
try {
  const columns = resolvePart(task);
  port.postMessage(columns, [...new Set(Object.values(columns).flatMap(bufferOf))]);
} finally {
  Atomics.store(done, 0, 1);
  Atomics.notify(done, 0);
}

/** @throws LeaklineError when the file is not the one that is meant, or cannot be read. */
function resolvePart({ path, identity, part }: Omit<BatchTask, "done">): AnswerColumns {
  const file = openFile(path);
  if (file.identity !== identity) throw new LeaklineError("mismatch", `${path}: is another file by now`);
  return openDwarf(dwarfInput(openElf(file, { decompress }))).answerPart(part);
}

function bufferOf(column: AnswerColumns[keyof AnswerColumns]): ArrayBuffer[] {
  return ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [];
}
