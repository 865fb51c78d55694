/**
 * /proc/PID/maps as data (proc_pid_maps(5); the kernel prints it in fs/proc/task_mmu.c, show_map_vma).
 *
 * A line is `start-end perms offset major:minor inode`, then blanks up to a column, then a name that runs to the end of
 * the line and may hold blanks itself. The kernel escapes only the newline (as `\012`) and marks an unlinked file by
 * appending ` (deleted)`. Both can also be part of a real name; the text alone cannot tell, and `readMaps` asks the
 * file system. No I/O here: the same parser serves a maps file that a user hands in.
 */

import { hex } from "../base/address.ts";
import { MalformedError } from "../base/errors.ts";

export type MappingKind = "file" | "anonymous" | "heap" | "stack" | "vdso" | "vsyscall" | "uprobes" | "special";

export type Permissions = {
  readonly read: boolean;
  readonly write: boolean;
  readonly execute: boolean;
  /** False for a private (copy-on-write) mapping. */
  readonly shared: boolean;
};

/** One line of a maps file. */
export type Mapping = {
  /** First absolute address. */
  readonly start: bigint;
  /** First absolute address behind it. */
  readonly end: bigint;
  /** Where in the file the mapping starts, in bytes. Exact below 2^53; only device files go beyond. */
  readonly offset: number;
  readonly permissions: Permissions;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  /** 0 when no file is mapped. */
  readonly inode: bigint;
  /** The file's path without the mark of a deleted one, or a name such as `[heap]`, or empty. */
  readonly path: string;
  /** The file has been unlinked, so its path means nothing or another file. */
  readonly deleted: boolean;
  readonly kind: MappingKind;
};

const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) ([0-9a-f]{1,16}) ([0-9a-f]+):([0-9a-f]+) (\d+)(.*)$/s;

/** What a name in brackets means; all others are "special" (`[vvar]`, `[vectors]`). */
const BRACKETED: Readonly<Record<string, MappingKind>> = {
  "[heap]": "heap",
  "[stack]": "stack",
  "[vdso]": "vdso",
  "[vsyscall]": "vsyscall",
  "[uprobes]": "uprobes",
};

/**
 * Parses the text of a maps file.
 *
 * @param text all lines; empty ones are skipped, the last needs no newline.
 * @param name the file's name for error messages.
 * @returns the mappings by ascending start.
 * @throws MalformedError that names the first damaged line.
 */
export function parseMaps(text: string, name = "maps"): Mapping[] {
  const mappings: Mapping[] = [];
  let number = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    number++;
    if (end > start) mappings.push(parseLine(text.slice(start, end), number, start, name));
    start = end + 1;
  }
  return mappings.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

/** The lines of executable mappings, each with its newline, as they stand in the text. */
export function executableLines(text: string): string {
  let lines = "";
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline + 1;
    // `start-end r-xp …`
    if (text[text.indexOf(" ", start) + 3] === "x") lines += text.slice(start, end);
    start = end;
  }
  return lines;
}

/** `start-end` in the form that names a file of /proc/PID/map_files and starts a line of maps. */
export function formatRange(mapping: { readonly start: bigint; readonly end: bigint }): string {
  return `${hex(mapping.start)}-${hex(mapping.end)}`;
}

function parseLine(line: string, number: number, at: number, name: string): Mapping {
  const fields = LINE.exec(line);
  if (!fields) throw damaged("is not a line of a maps file");
  const [, first, last, permissions, offset, major, minor, inode, rest] = fields;
  const start = BigInt(`0x${first}`);
  const end = BigInt(`0x${last}`);
  if (start >= end) throw damaged("ends before it starts");
  const { path, deleted } = parseName(rest);
  return {
    start,
    end,
    offset: Number.parseInt(offset, 16),
    permissions: {
      read: permissions[0] === "r",
      write: permissions[1] === "w",
      execute: permissions[2] === "x",
      shared: permissions[3] === "s",
    },
    deviceMajor: Number.parseInt(major, 16),
    deviceMinor: Number.parseInt(minor, 16),
    inode: BigInt(inode),
    path,
    deleted,
    kind: kindOf(path),
  };

  function damaged(what: string): MalformedError {
    return new MalformedError(name, `line ${number}`, at, `${what}: ${JSON.stringify(line.slice(0, 100))}`);
  }
}

/** The end of a line: blanks, then the name. Only a file can be deleted, and only a file's name is escaped. */
function parseName(rest: string): { path: string; deleted: boolean } {
  const printed = rest.replace(/^ +/, "");
  if (!printed.startsWith("/")) return { path: printed, deleted: false };
  // `//deleted` is how the kernel marks an unlinked directory entry where it prints no whole path.
  const mark = / \(deleted\)$|\/\/deleted$/.exec(printed);
  const path = mark ? printed.slice(0, mark.index) : printed;
  return { path: path.replaceAll("\\012", "\n"), deleted: mark !== null };
}

function kindOf(path: string): MappingKind {
  if (path.startsWith("/")) return "file";
  // `[anon:name]` and `[anon_shmem:name]`: memory that the process named itself, prctl(PR_SET_VMA_ANON_NAME).
  if (path === "" || path.startsWith("[anon")) return "anonymous";
  // `[stack:123]`: a thread's stack, kernels before 4.5.
  if (path.startsWith("[stack:")) return "stack";
  return BRACKETED[path] ?? "special";
}
