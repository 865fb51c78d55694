/** leakline as a user without privilege runs it: a copy of what npm installs, where everybody may read it. */

import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./live.ts";

const NOBODY = "65534";

/** Copies the package and what it needs to run into `folder`; gives the path of its main.js. */
export function installFor(folder: string): string {
  for (const part of ["dist", "bpf", "demo", "package.json", "node_modules/koffi", "node_modules/@koromix"]) {
    const from = join(ROOT, part);
    if (existsSync(from)) cpSync(from, join(folder, part), { recursive: true, dereference: true });
  }
  return join(folder, "dist", "cli", "main.js");
}

/** Runs a command as nobody: no group, no capability. */
export function runAsNobody(command: readonly string[]): SpawnSyncReturns<string> {
  const drop = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];
  const env = { PATH: process.env.PATH, NO_COLOR: "1" };
  return spawnSync("setpriv", [...drop, ...command], { encoding: "utf8", cwd: "/tmp", env });
}
