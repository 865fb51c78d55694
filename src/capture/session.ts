/**
 * Starts a capture: loads the eBPF program, sized for what is to be traced, and attaches it.
 *
 * Nothing is left behind: the probes belong to this process, by file descriptors and a file system that only it sees
 * (src/bpf/private-pins.ts), so they go when it lets them go or dies, however it dies.
 */

import { release } from "node:os";
import { describeError, LeaklineError } from "../base/errors.ts";
import { type BpfObject, loadLibbpf } from "../bpf/libbpf.ts";
import { executableMappings, foreseenModule, type LoadedModule } from "../process/modules.ts";
import { hasProgram, targetGone } from "../process/proc-file.ts";
import { Capture, type CaptureListener, type CaptureOptions, type CaptureTarget } from "./capture.ts";
import { canWalkByTables, loadProgram, machine } from "./program.ts";
import { UnwindTables } from "./unwind-tables.ts";

/** Room for libraries that are opened later, 8 bytes a row: twenty times libc's. */
const SPARE_UNWIND_ROWS = 1 << 19;

/**
 * Attaches to processes.
 *
 * @throws LeaklineError with the reason why one of them cannot be traced: `not-found`, `target-gone`, `permission`,
 *   `refused`, `unsupported`. Nothing stays attached then.
 */
export async function startCapture(
  targets: readonly CaptureTarget[],
  options: CaptureOptions,
  listener: CaptureListener,
): Promise<Capture> {
  try {
    return await start(targets, options, listener);
  } catch (error) {
    // Whatever failed, it is because of that.
    const gone = targets.find(({ pid }) => !hasProgram(pid));
    if (gone && error instanceof LeaklineError && error.code !== "target-gone") throw targetGone(gone.pid, error);
    throw error;
  }
}

async function start(
  targets: readonly CaptureTarget[],
  options: CaptureOptions,
  listener: CaptureListener,
): Promise<Capture> {
  const tables = new UnwindTables({ warn: listener.warn, directory: options.unwindDirectory });
  const rows = options.walk === "tables" && canWalkByTables() ? countRows(targets, tables) + SPARE_UNWIND_ROWS : 0;
  const program = loadProgram(await loadLibbpf(options.singleProbes), options, rows, listener.warn);
  try {
    const { sampleBytes } = options;
    const event = { leakline: options.leakline, architecture: machine(), kernel: release(), sampleBytes };
    listener.emit({ kind: "start", time: Date.now(), ...event });
    program.hearsOfExec = attachLifeCycle(program.object, listener.warn);
    const capture = new Capture(program, tables, options, listener);
    for (const target of targets) capture.add(target);
    return capture;
  } catch (error) {
    program.object.close();
    throw error;
  }
}

/** What tells of processes that execute and threads that end. Returns whether it does; without it, we have to look. */
function attachLifeCycle(object: BpfObject, warn: (message: string) => void): boolean {
  try {
    object.attachRawTracepoint("process_exec", "sched_process_exec");
    object.attachRawTracepoint("thread_exit", "sched_process_exit");
    return true;
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    warn(`a program that a process executes is accounted from when we notice, a little late: ${describeError(error)}`);
    return false;
  }
}

function countRows(targets: readonly CaptureTarget[], tables: UnwindTables): number {
  const files = new Set<string>();
  let rows = 0;
  for (const { pid, foreseen } of targets) {
    const modules = foreseen ? foreseen.flatMap(tryForesee) : executableMappings(pid);
    const fresh = modules.filter(({ path, mappings }) => {
      const key = `${mappings[0].inode} ${path}`;
      if (files.has(key)) return false;
      files.add(key);
      return true;
    });
    rows += tables.countRows(pid, fresh);
  }
  return rows;
}

function tryForesee(path: string): LoadedModule[] {
  try {
    return [foreseenModule(path, false)];
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return []; // reported when it is to be probed
  }
}
