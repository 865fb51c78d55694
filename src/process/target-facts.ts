/**
 * What is to be known of a process before it is traced: read here, judged in hazards.ts and target-checks.ts.
 */

import { release } from "node:os";
import { posix } from "node:path";
import { LeaklineError } from "../base/errors.ts";
import { openElf } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { findAllocatorLibraries } from "./allocators.ts";
import type { Check } from "./check.ts";
import { PT_INTERP } from "./constants.ts";
import { isGoBinary, type TargetFacts } from "./hazards.ts";
import { describeProcess, requireTarget } from "./process-info.ts";
import { targetChecks } from "./target-checks.ts";

/**
 * Gathers the facts about a process that can be traced.
 *
 * @param id a PID or thread ID.
 * @throws LeaklineError as `requireTarget` and `readMaps`.
 */
export function readTargetFacts(id: number): TargetFacts {
  const info = requireTarget(id);
  const { isGo, isStatic } = inspectExecutable(`/proc/${info.pid}/exe`);
  return { info, kernelRelease: release(), isGo, isStatic, allocators: findAllocatorLibraries(info.pid) };
}

/**
 * Gathers the facts about a process that waits before it executes a program.
 *
 * @param executable the program's file.
 * @throws LeaklineError as `describeProcess`.
 */
export function readFileFacts(id: number, executable: string): TargetFacts {
  const info = describeProcess(id);
  const { isGo, isStatic } = inspectExecutable(executable);
  const command = posix.basename(executable);
  return { info: { ...info, executable, command }, kernelRelease: release(), isGo, isStatic, allocators: [] };
}

/** Can this process be traced? When it cannot even be looked at, that is the only check. Throws nothing on purpose. */
export function checkTarget(id: number): Check[] {
  try {
    return targetChecks(readTargetFacts(id));
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return [{ name: "process", ok: false, found: error.message, mend: error.hint }];
  }
}

function inspectExecutable(path: string): { isGo: boolean; isStatic: boolean } {
  try {
    const file = openFile(path);
    try {
      const elf = openElf(file);
      return { isGo: isGoBinary(elf), isStatic: !elf.segments.some(({ type }) => type === PT_INTERP) };
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return { isGo: false, isStatic: false };
  }
}
