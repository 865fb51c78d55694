/**
 * Parts of a large batch of addresses on other threads (`dwarf/batch/share.ts` says how it is divided).
 *
 * Each thread opens the file itself and hands back columns. Resolving is synchronous, so the main thread sleeps until a
 * thread says that it is done; a thread that fails, or is not done after several times as long as the main thread worked
 * on a part as large, is given up: the main thread then does its part too.
 */

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TransferListItem, Worker } from "node:worker_threads";
import type { ByteSource } from "../../base/bytes.ts";
import type { AnswerColumns, BatchHelper, BatchPart } from "../../dwarf/index.ts";

/** What a thread is given: see batch-worker.ts. */
export type BatchTask = {
  readonly path: string;
  /** Of the file that the main thread has open: if it is another one by now, there is no answer. */
  readonly identity: string;
  readonly part: BatchPart;
  /** Set to 1, and whoever waits for it woken, when the thread is done. */
  readonly done: Int32Array;
};

/** The only place that says where the thread's code is: an entry of its own in the build. */
const WORKER = fileURLToPath(new URL("./batch-worker.js", import.meta.url));

/**
 * Units of so many bytes are worth a thread: it starts quickly, but compiles the same code once more, which takes a third of
 * a second of CPU time. And as many are read before it has begun to help.
 */
const BYTES_A_THREAD = 1 << 27;
const HEAD_START = 1 << 25;
/** Milliseconds that a thread is given in any case, and how many times what the main thread needed. */
const MIN_PATIENCE = 2000;
const PATIENCE = 8;

/**
 * @param most threads, the main one included.
 * @param code of a thread.
 * @returns undefined when threads could not read the file, or have no code.
 */
export function batchThreads(
  { name, identity }: Pick<ByteSource, "name" | "identity">,
  most: number,
  code = WORKER,
): BatchHelper | undefined {
  if (identity === undefined || !existsSync(code)) return undefined;
  return {
    count: (bytes) => Math.max(0, Math.min(most, Math.floor(bytes / BYTES_A_THREAD)) - 1),
    headStart: HEAD_START,
    begin: (part) => begin(code, name, identity, part),
  };
}

function begin(code: string, path: string, identity: string, part: BatchPart): () => AnswerColumns | undefined {
  const threads = process.getBuiltinModule("node:worker_threads");
  const { port1: here, port2: there } = new threads.MessageChannel();
  const done = new Int32Array(new SharedArrayBuffer(4));
  const task: BatchTask = { path, identity, part, done };
  const started = performance.now();
  let worker: Worker;
  try {
    worker = new threads.Worker(code, {
      workerData: { ...task, port: there },
      transferList: [there, part.addresses.buffer, part.units.buffer] as TransferListItem[],
    });
  } catch {
    here.close();
    return () => undefined;
  }
  // Whatever is wrong with it, its part is done here instead.
  worker.on("error", () => {});
  worker.unref();
  return () => {
    const patience = Math.max(MIN_PATIENCE, PATIENCE * (performance.now() - started));
    Atomics.wait(done, 0, 0, patience);
    const received = threads.receiveMessageOnPort(here) as { message: AnswerColumns | undefined } | undefined;
    here.close();
    void worker.terminate();
    return received?.message;
  };
}
