/**
 * Answers kept on disk from one run to the next, so that an address that was resolved before needs no debug information
 * to be read.
 *
 * One file for each set of binary and debug files, named by a hash of what identifies them (build ID, device, inode,
 * size, modification time) and of the code that answered. A changed file is another set, so nothing has to be
 * invalidated. Files belong to one user, are checked by a CRC, bounded, and replaced as a whole; whatever is wrong with
 * one, it is ignored and written anew. Nothing here ever fails: without a folder to write to, nothing is kept.
 */

import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { KeptAnswers } from "../file-provider.ts";
import type { ModuleFrame } from "../frame.ts";

/** Longest file read or written. */
const MAX_FILE = 4 << 20;
/** Files kept; the oldest go. Together at most 400 MB, mostly far less. */
const MAX_FILES = 100;
/** Answers in a file; about 400 bytes each. */
const MAX_ANSWERS = 10_000;

type Kept = { answers: Map<string, ModuleFrame[]>; changed: boolean };

export class AnswerStore {
  private readonly folder: string;
  /** Tells the code that answers from other versions of it. */
  private readonly stamp: string;
  private readonly kept = new Map<string, Kept>();

  /** @param folder see `answerFolder`. */
  constructor(folder: string, stamp: string) {
    this.folder = folder;
    this.stamp = stamp;
  }

  /** The answers of a set of files. */
  of(identity: string): KeptAnswers {
    const path = join(this.folder, createHash("sha256").update(`${this.stamp}\n${identity}`).digest("hex"));
    let kept = this.kept.get(path);
    if (!kept) {
      kept = { answers: read(path), changed: false };
      this.kept.set(path, kept);
    }
    const { answers } = kept;
    const known = kept;
    return {
      get: (address, isReturn) => answers.get(keyOf(address, isReturn)),
      put(address, isReturn, frames) {
        if (answers.size >= MAX_ANSWERS) return;
        answers.set(keyOf(address, isReturn), frames);
        known.changed = true;
      },
    };
  }

  /** Writes what is new. */
  save(): void {
    for (const [path, { answers, changed }] of this.kept) if (changed) write(path, answers);
    removeOldest(this.folder);
  }
}

/**
 * The user's folder for answers: below XDG_CACHE_HOME, or ~/.cache. It is made when it is missing, and refused when
 * another user could write to it.
 *
 * @returns undefined when there is no such folder.
 */
export function answerFolder(env: NodeJS.ProcessEnv): string | undefined {
  const base = env.XDG_CACHE_HOME || (env.HOME && join(env.HOME, ".cache"));
  if (!base?.startsWith("/")) return undefined;
  const folder = join(base, "leakline", "answers");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    const isOurs = stat.isDirectory() && stat.uid === process.geteuid?.() && (stat.mode & 0o022) === 0;
    return isOurs ? folder : undefined;
  } catch {
    return undefined;
  }
}

function keyOf(address: number, isReturn: boolean): string {
  return `${address} ${isReturn}`;
}

function read(path: string): Map<string, ModuleFrame[]> {
  try {
    const text = readOwn(path);
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    if (text.slice(0, end) !== checksum(body)) return new Map();
    return new Map(JSON.parse(body) as [string, ModuleFrame[]][]);
  } catch {
    return new Map();
  }
}

/** The text of a regular file of our own user; throws otherwise. */
function readOwn(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.uid !== process.geteuid?.() || stat.size > MAX_FILE) throw new Error("not ours");
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Under a name of its own first: two processes may write at once, and a disk may be full. */
function write(path: string, answers: ReadonlyMap<string, ModuleFrame[]>): void {
  const body = JSON.stringify([...answers]);
  const text = `${checksum(body)}\n${body}`;
  if (text.length > MAX_FILE) return;
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, text, { flag: "wx", mode: 0o600 });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}

function checksum(body: string): string {
  return crc32(body).toString(16);
}

function removeOldest(folder: string): void {
  try {
    const paths = readdirSync(folder).map((name) => join(folder, name));
    if (paths.length <= MAX_FILES) return;
    const aged = paths.map((path) => ({ path, age: statSync(path).mtimeMs })).sort((a, b) => a.age - b.age);
    for (const { path } of aged.slice(0, paths.length - MAX_FILES)) rmSync(path, { force: true });
  } catch {
    // Another process is cleaning too.
  }
}
