/** The processes that `attach` and `record` are told to trace, and their options. */

import type { CaptureTarget } from "../capture/capture.ts";
import { descendantsOf, processesByCgroup, processesByIds, processesByName } from "../process/select.ts";
import { type Arguments, type OptionTable, parsePid, usageError } from "./command.ts";

export const TARGET_OPTIONS: OptionTable = {
  name: { value: "NAME", help: "all processes of this name", multiple: true },
  cgroup: { value: "PATH", help: "all processes of this control group", multiple: true },
};

/**
 * @param ids PIDs that were given.
 * @throws LeaklineError `usage` when there are none at all, and as `process/select.ts`.
 */
export function targetsFrom(given: Arguments, ids: readonly string[]): CaptureTarget[] {
  const pids = ids.map(parsePid);
  const names = given.texts("name");
  const groups = given.texts("cgroup");
  if (pids.length + names.length + groups.length === 0)
    throw usageError("which process? give a PID, --name or --cgroup", "find a PID with pidof NAME or ps");
  const chosen = [
    ...processesByIds(pids),
    ...names.flatMap(processesByName),
    ...groups.flatMap((path) => processesByCgroup(path)),
  ];
  const children = given.flag("children") ? chosen.flatMap(({ pid }) => descendantsOf(pid)) : [];
  return [...new Set([...chosen, ...children].map(({ pid }) => pid))].map((pid) => ({ pid }));
}
