/**
 * Folders that nobody else can have written to: leakline often runs as root, and what it keeps for the next run must be
 * no way for another user to put names into root's reports, or code into root's process.
 *
 * The command asks for one before anything else of it is loaded, so this file imports nothing of ours.
 */

import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
/** Who can only list it is no better. */
const ENTERED_BY_OTHERS = 0o077;
const STICKY = 0o1000;

/** A folder for one kind of thing that is kept: below XDG_CACHE_HOME, or ~/.cache; undefined when there is neither. */
export function cacheFolder(env: NodeJS.ProcessEnv, kind: string): string | undefined {
  const base = env.XDG_CACHE_HOME || (env.HOME && join(env.HOME, ".cache"));
  return base?.startsWith("/") ? join(base, "leakline", kind) : undefined;
}

/**
 * Makes a folder where it is missing, for its owner alone.
 *
 * @param closed nobody else may even enter it: then it does not matter with which modes things are made in it.
 * @returns its path without links, or why it cannot be used.
 */
export function prepareOwnFolder(path: string, { closed = false } = {}): { path: string } | { problem: string } {
  try {
    let existing = path;
    const missing: string[] = [];
    let real = realPath(existing);
    for (; real === undefined; real = realPath(existing)) {
      missing.unshift(existing);
      existing = dirname(existing);
    }
    // Before anything is made: what root makes in another user's home would be in that user's way.
    let problem = whyUnsafe(real);
    if (problem !== undefined) return { problem };
    if (missing.length > 0) {
      // One by one: Node's own way to make them all never ends below /proc.
      for (const folder of missing) makeFolder(folder);
      real = realpathSync.native(path);
      problem = whyUnsafe(real);
    }
    if (problem === undefined && !isOurs(real, closed ? ENTERED_BY_OTHERS : WRITABLE_BY_OTHERS))
      problem = `${path} is not ours alone`;
    return problem === undefined ? { path: real } : { problem };
  } catch (error) {
    return { problem: (error as Error).message };
  }
}

/** Undefined when there is no such file. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function isOurs(path: string, forbidden: number): boolean {
  const { uid, mode } = lstatSync(path);
  return uid === process.geteuid?.() && (mode & forbidden) === 0;
}

/** Whoever can write to a folder above can put another one in place of ours; below a sticky one, only its owner can. */
function whyUnsafe(path: string): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    const { uid, mode } = lstatSync(folder);
    if (uid !== 0 && uid !== process.geteuid?.()) return `${folder} belongs to another user`;
    if (mode & WRITABLE_BY_OTHERS && !(mode & STICKY)) return `others can write to ${folder}`;
    if (folder === dirname(folder)) return undefined;
  }
}
