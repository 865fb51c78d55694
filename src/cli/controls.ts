/**
 * How a user talks to a running trace: keys, signals, and control files.
 *
 * The control files are for those who know the tutorial: `touch PREFIX_print` prints a report now, `touch PREFIX_quit`
 * prints the last one and leaves. Only files of our own user count (under sudo, of the user who called sudo): /tmp
 * belongs to everybody.
 */

import { lstatSync, unlinkSync } from "node:fs";

/** An interrupt is Ctrl-C, which a command that shares our terminal gets as well. */
export type Control = "print" | "quit" | "interrupt";

export type Controls = {
  /** The next control, or "timeout" after so many milliseconds without one. */
  next(milliseconds: number): Promise<Control | "timeout">;
  /** Gives the terminal and the signals back. */
  close(): void;
};

const SIGNALS: readonly (readonly [NodeJS.Signals, Control])[] = [
  ["SIGUSR1", "print"],
  ["SIGINT", "interrupt"],
  ["SIGTERM", "quit"],
  ["SIGHUP", "quit"],
];
const CONTROL_FILE_POLL = 200;
const CTRL_C = "\u0003";

/**
 * @param prefix of the control files; undefined for none.
 * @param keys false: the terminal is somebody else's to read.
 */
export function startControls(prefix: string | undefined, keys: boolean): Controls {
  const queue: Control[] = [];
  let wake: (() => void) | undefined;
  const push = (control: Control): void => {
    queue.push(control);
    wake?.();
  };

  const handlers = SIGNALS.map(([signal, control]) => [signal, () => push(control)] as const);
  // Installed before anything else: without a handler, Node takes SIGUSR1 as the wish to open its debugger.
  for (const [signal, handler] of handlers) process.on(signal, handler);

  const stopKeys = keys ? listenToKeys(push) : () => {};
  const timer = prefix === undefined ? undefined : setInterval(() => pollControlFiles(prefix, push), CONTROL_FILE_POLL);

  return {
    async next(milliseconds) {
      if (queue.length === 0) {
        await new Promise<void>((resolve) => {
          const timeout = setTimeout(resolve, milliseconds);
          wake = () => {
            clearTimeout(timeout);
            resolve();
          };
        });
        wake = undefined;
      }
      return queue.shift() ?? "timeout";
    },
    close() {
      clearInterval(timer);
      stopKeys();
      // SIGUSR1 stays harmless: somebody may ask for a report just when we end, and that must not be our death.
      for (const [signal, handler] of handlers) if (signal !== "SIGUSR1") process.off(signal, handler);
    },
  };
}

function listenToKeys(push: (control: Control) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const onData = (keys: Buffer): void => {
    for (const key of keys.toString("latin1")) {
      if (key === "p") push("print");
      if (key === "q" || key === CTRL_C) push("quit");
    }
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  stdin.resume();
  return () => {
    stdin.off("data", onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

function pollControlFiles(prefix: string, push: (control: Control) => void): void {
  for (const control of ["print", "quit"] as const) {
    const path = `${prefix}_${control}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isFile() || !isOurs(stat.uid)) continue;
    try {
      unlinkSync(path);
    } catch {
      continue; // somebody else's folder: it would be obeyed for ever
    }
    push(control);
  }
}

function isOurs(uid: number): boolean {
  return (
    uid === process.geteuid?.() || (process.geteuid?.() === 0 && uid === Number(process.env.SUDO_UID ?? Number.NaN))
  );
}
