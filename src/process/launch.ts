/**
 * Starts a command that waits before it executes, so that all probes are in place at its first instruction.
 *
 * What waits is a shell with a constant script: it reads a line from descriptor 3 and then replaces itself by the
 * command, in the same process. Nothing that the user typed becomes a part of the script; it comes as arguments. If we
 * die before we write the line, however we die, the read ends and the shell exits without running the command.
 *
 * The command gets what it would get from the user's own shell: our standard streams, our environment, and our process
 * group. The last means that Ctrl-C reaches the command and us alike: the terminal sends SIGINT to all of its foreground
 * group. A command in a group of its own would be in the background, where reading from the terminal stops it. So
 * whoever traces a launched command must not take the first SIGINT as the wish to end at once: the command decides what
 * it does about it, and the final report follows when it has ended. Signals that are sent to us alone, such as SIGTERM,
 * do not reach it unless they are handed on.
 *
 * Two things a shell or Node would change are put back. A shell sets PWD, OLDPWD and SHLVL, is itself under the spell of
 * LD_PRELOAD and the like, and takes IFS and ENV for its own: these are kept from it and set just before it executes the
 * command. Node raises the soft limit of open files to the hard one (getrlimit(2), RLIMIT_NOFILE): the command gets that
 * of our parent. Left as every shell does it: dash drops variables whose names are no shell names, bash sets `_`.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { LeaklineError } from "../base/errors.ts";
import { tryReadSystemFile } from "./proc-file.ts";
import { type CommandContext, resolveCommand } from "./resolve-command.ts";
import type { UserIds } from "./user.ts";

const SHELL = "/bin/sh";

/** Arguments: the limit of open files, assignments, `--`, the command and its own. 125: it was not run. */
const SCRIPT = `read -r LEAKLINE_GO <&3 || exit 125
exec 3<&-
unset LEAKLINE_GO PWD OLDPWD SHLVL
ulimit -S -n "$1"
shift
while [ "$1" != -- ]; do export "$1"; shift; done
shift
exec "$@"`;

/** Variables that mean something to the shell, or to the dynamic linker, so would act on it before the command. */
const KEPT_FROM_SHELL = /^(PWD|OLDPWD|SHLVL|IFS|ENV|BASH_ENV|LD_[A-Z_0-9]+)$/;

export type LaunchOptions = CommandContext & {
  /**
   * Run as this user, which only root may ask for. Supplementary groups are dropped (setgroups(2)), also those that
   * /etc/group gives the user; the environment stays as it is, HOME too. Undefined: as our own.
   */
  readonly user?: UserIds | undefined;
};

export type CommandEnd = {
  /** What it exited with; null when a signal ended it. 126 and 127 also say that it could not be executed. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
};

/** A command that has been started and waits. */
export type LaunchedCommand = {
  /** The same before and after the command is executed. */
  readonly pid: number;
  /** Lets it execute. */
  go(): void;
  /** Sends a signal, unless it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** Lets it exit without executing, unless it may already: then nothing happens. */
  cancel(): void;
  readonly ended: Promise<CommandEnd>;
};

/**
 * @param words the command and its arguments.
 * @throws LeaklineError as `resolveCommand`, so before anything runs; `permission` when we may not become `user`;
 *   `limit` when the arguments are more than the kernel takes; `io`.
 */
export async function launchWaiting(words: readonly string[], options: LaunchOptions): Promise<LaunchedCommand> {
  const [command = "", ...rest] = words;
  resolveCommand(command, options);
  if (command.startsWith("-"))
    throw new LeaklineError("usage", `${command}: not a command`, { hint: `give its path: ./${command}` });
  const child = await startShell([command, ...rest], options);
  const ended = once(child, "exit").then(([code, signal]): CommandEnd => ({ code, signal }));
  child.on("error", () => {}); // a signal that we may not send
  const gate = child.stdio[3] as Writable;
  gate.on("error", () => {}); // it has ended before it was let go
  return {
    pid: child.pid as number,
    ended,
    go: () => void gate.end("go\n"),
    cancel: () => void gate.end(),
    kill: (signal) => void child.kill(signal),
  };
}

/** What a shell makes of a command's end, and so should we: 128 and the signal's number for one that a signal ended. */
export function exitStatus({ code, signal }: CommandEnd): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

async function startShell(words: readonly string[], { env: given, cwd, user }: LaunchOptions): Promise<ChildProcess> {
  const { env, kept } = divide(given);
  try {
    const child = spawn(SHELL, ["-c", SCRIPT, SHELL, openFilesLimit(), ...kept, "--", ...words], {
      cwd,
      env,
      stdio: ["inherit", "inherit", "inherit", "pipe"],
      ...(user && { uid: user.uid, gid: user.gid }),
    });
    await once(child, "spawn");
    return child;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const as = user ? ` as user ${user.uid}:${user.gid}` : "";
    const what = `the command could not be started${as} in ${cwd}: ${message}`;
    if (code === "EPERM" || code === "EACCES")
      throw new LeaklineError("permission", what, { cause, hint: "only root may start it as another user" });
    if (code === "E2BIG") throw new LeaklineError("limit", what, { cause, hint: "give fewer or shorter arguments" });
    throw new LeaklineError("io", what, { cause });
  }
}

/** The environment for the shell, and the assignments that it makes before it executes the command. */
function divide(environment: NodeJS.ProcessEnv): { env: NodeJS.ProcessEnv; kept: string[] } {
  const entries = Object.entries(environment).filter(([, value]) => value !== undefined);
  return {
    env: Object.fromEntries(entries.filter(([name]) => !KEPT_FROM_SHELL.test(name))),
    kept: entries.filter(([name]) => KEPT_FROM_SHELL.test(name)).map(([name, value]) => `${name}=${value}`),
  };
}

/** Our parent's soft limit as `ulimit -n` takes it: our own has been raised. */
function openFilesLimit(): string {
  const limit = Math.min(softLimitOf("self"), softLimitOf(process.ppid));
  return Number.isFinite(limit) ? `${limit}` : "unlimited";
}

function softLimitOf(pid: number | "self"): number {
  const limit = /^Max open files +(\d+)/m.exec(tryReadSystemFile(`/proc/${pid}/limits`) ?? "")?.[1];
  return limit === undefined ? Number.POSITIVE_INFINITY : Number(limit);
}
