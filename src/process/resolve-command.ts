/**
 * The file that a command means: as execvp(3) and the shell find it.
 */

import { accessSync, constants, type Stats, statSync } from "node:fs";
import { posix } from "node:path";
import { LeaklineError } from "../base/errors.ts";

/** Where a command is looked for when PATH is not set; what the shells use. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type CommandContext = {
  readonly env: NodeJS.ProcessEnv;
  /** Absolute. */
  readonly cwd: string;
};

/**
 * The absolute path of a command's file; symbolic links in it are kept.
 *
 * Whether it can be executed is asked for our own user; another may be refused later.
 *
 * @throws LeaklineError `not-found`; `permission` when there is one that is not executable, or is a directory.
 */
export function resolveCommand(command: string, { env, cwd }: CommandContext): string {
  if (command === "" || command.includes("\0"))
    throw new LeaklineError("usage", "the command is empty", { hint: "leakline run -- COMMAND ARGUMENT…" });
  if (command.includes("/")) {
    const path = posix.resolve(cwd, command);
    const obstacle = whyNotExecutable(path);
    if (obstacle) throw obstacle;
    return path;
  }
  let refusal: LeaklineError | undefined;
  for (const directory of (env.PATH ?? DEFAULT_PATH).split(":")) {
    // An empty part means the working directory.
    const path = posix.resolve(cwd, directory, command);
    const obstacle = whyNotExecutable(path);
    if (!obstacle) return path;
    if (obstacle.code === "permission") refusal ??= obstacle;
  }
  const hint = "check its name, or give its path";
  throw refusal ?? new LeaklineError("not-found", `${command}: command not found in PATH`, { hint });
}

function whyNotExecutable(path: string): LeaklineError | undefined {
  let stat: Stats | undefined;
  try {
    stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return new LeaklineError("not-found", `${path}: no such file`, { hint: "check the path" });
    if (stat.isDirectory())
      return new LeaklineError("permission", `${path}: is a directory`, { hint: "give the path of a program" });
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOTDIR" || code === "ENAMETOOLONG" || code === "ELOOP")
      return new LeaklineError("not-found", `${path}: no such file`, { cause, hint: "check the path" });
    const what = stat ? "is not executable" : `cannot be reached: ${message}`;
    return new LeaklineError("permission", `${path}: ${what}`, { cause, hint: `chmod +x ${path}` });
  }
}
