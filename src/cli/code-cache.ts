/**
 * V8's compiled code, kept for the next run: without it, a third of what an indexed stack takes goes into compiling the
 * same functions once more.
 *
 * Node 22.1 and later do it all: an entry a file of ours, which is taken only for the very same source, by the same Node with
 * the same flags, and when its checksum is right. What Node does not ask is who wrote it, and it is code that root will run.
 * So it is kept where nobody else can write, nor even enter, or not at all. Then there is no word of it: the index that
 * lies beside is not kept either, and says why.
 *
 * Commands that trace do without. They run for hours, and change V8's flags, which entries are known by, too.
 */

import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, prepareOwnFolder } from "../os/own-folder.ts";
import { codeFile } from "../os/package-file.ts";

/** First words of the commands for which code is kept. */
const COMMANDS = ["symbolize", "report", "explain", "inspect"];
/** With these, nothing is kept that would be of use to another run. */
const NOT_WITH = ["--no-cache", "--help", "-h"];
/** Copies of leakline, each with one Node, whose code is kept: those that were there last. */
const MAX_KEPT = 4;
/** A month: then all is made anew, since what Node could not write to its end stays where it is. */
const MAX_AGE_MILLISECONDS = 30 * 24 * 3600_000;

/** Turns on a cache of compiled code in a folder; whatever fails, it says so and throws nothing. */
type Enable = (folder: string) => void;

const { enableCompileCache } = process.getBuiltinModule("node:module") as { enableCompileCache?: Enable };

/**
 * From now on, code that is loaded comes from the user's folder for it, and goes there at the end.
 *
 * @param words of the command line: those with `--no-cache` neither read nor write anything.
 * @param enable Node's own function, where it has one.
 */
export function keepCompiledCode(words: readonly string[], env: NodeJS.ProcessEnv, enable = enableCompileCache): void {
  if (!enable || !COMMANDS.includes(words[0]) || NOT_WITH.some((option) => words.includes(option))) return;
  // Who set one of these has said where code is to be kept, or that it is not.
  if (env.NODE_COMPILE_CACHE !== undefined || env.NODE_DISABLE_COMPILE_CACHE !== undefined) return;
  const path = cacheFolder(env, "code");
  if (path === undefined) return;
  const prepared = prepareOwnFolder(path, { closed: true });
  if ("problem" in prepared) return;
  const { ino, mtimeMs } = statSync(codeFile());
  const folder = join(prepared.path, `${process.version}-${ino}-${mtimeMs}`);
  // An entry has what had been compiled when it was written, and stays as it is: a run that fails has compiled little.
  if (makeRoom(prepared.path, folder))
    process.once("exit", (code) => {
      if (code !== 0) remove(folder);
    });
  enable(folder); // which makes it
}

/**
 * Removes what is too old, and where there is nothing yet, all but the newest of the others.
 *
 * @returns whether there is nothing yet.
 */
function makeRoom(parent: string, folder: string): boolean {
  try {
    const made = statSync(folder, { throwIfNoEntry: false })?.mtimeMs;
    if (made !== undefined && made > Date.now() - MAX_AGE_MILLISECONDS) return false;
    remove(folder);
    const others = readdirSync(parent).map((name) => join(parent, name));
    const times = new Map(others.map((path) => [path, statSync(path).mtimeMs]));
    others.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
    for (const path of others.slice(MAX_KEPT - 1)) remove(path);
  } catch {
    // Another process is doing the same.
  }
  return true;
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Read-only by now, or another process writes to it: it stays for as long.
  }
}
