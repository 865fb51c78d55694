/**
 * A folder and files in it that nobody else can have written: leakline often runs as root, and what it keeps for the
 * next run must not be a way for another user to put names into root's reports.
 */

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
} from "node:fs";
import { dirname } from "node:path";
import { type ByteSource, checkRange } from "../../base/bytes.ts";
import { LeaklineError, MalformedError } from "../../base/errors.ts";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Makes a folder where it is missing, for its owner alone.
 *
 * @returns its path without links, or why it cannot be used.
 */
export function prepareOwnFolder(path: string): { path: string } | { problem: string } {
  try {
    let existing = path;
    const missing: string[] = [];
    while (!existsSync(existing)) {
      missing.unshift(existing);
      existing = dirname(existing);
    }
    // Before anything is made: what root makes in another user's home would be in that user's way.
    const unsafe = whyUnsafe(realpathSync(existing));
    if (unsafe !== undefined) return { problem: unsafe };
    // One by one: Node's own way to make them all never ends below /proc.
    for (const folder of missing) makeFolder(folder);
    const real = realpathSync(path);
    const { uid, mode } = lstatSync(real);
    const isOurs = uid === process.geteuid?.() && (mode & WRITABLE_BY_OTHERS) === 0;
    const problem = whyUnsafe(real) ?? (isOurs ? undefined : `${path} is not ours alone`);
    return problem === undefined ? { path: real } : { problem };
  } catch (error) {
    return { problem: (error as Error).message };
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

/** Whoever can write to a folder above can put another one in place of ours; below a sticky one, only its owner can. */
function whyUnsafe(path: string): string | undefined {
  for (let folder = path; ; folder = dirname(folder)) {
    const { uid, mode } = lstatSync(folder);
    if (uid !== 0 && uid !== process.geteuid?.()) return `${folder} belongs to another user`;
    if (mode & WRITABLE_BY_OTHERS && !(mode & STICKY)) return `others can write to ${folder}`;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * Opens a regular file that belongs to our own user and that nobody else can write to, for reading.
 *
 * @returns undefined when there is none.
 * @throws LeaklineError `refused` when there is something else, `io` when it cannot be opened.
 */
export function openOwnFile(path: string): ByteSource | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new LeaklineError("io", `${path}: ${(cause as Error).message}`, { cause });
  }
  const stat = fstatSync(fd);
  if (!stat.isFile() || stat.uid !== process.geteuid?.() || stat.mode & WRITABLE_BY_OTHERS) {
    closeSync(fd);
    throw new LeaklineError("refused", `${path}: not a file that only we can write to`);
  }
  const { size } = stat;
  return {
    name: path,
    size,
    read(offset, length) {
      checkRange(path, size, offset, length);
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        let count: number;
        try {
          count = readSync(fd, bytes, done, length - done, offset + done);
        } catch (cause) {
          throw new LeaklineError("io", `${path}: reading failed`, { cause });
        }
        if (count === 0) throw new MalformedError(path, "file", offset + done, "the file became shorter");
        done += count;
      }
      return bytes;
    },
    close: () => closeSync(fd),
  };
}
