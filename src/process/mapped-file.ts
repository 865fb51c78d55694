/**
 * The file behind a mapping, and never another one.
 *
 * Three ways lead to it. /proc/PID/map_files names the mapped file itself, deleted or not, but needs privilege that
 * containers withhold even from root. The path under /proc/PID/root is where the process sees it, the plain path where
 * we do: the kernel prints it relative to *our* root for a process in a chroot, to *its* root for a container. Each
 * file found is verified, so that a file replaced on disk gives an error and not wrong names.
 */

import { LeaklineError } from "../base/errors.ts";
import { type FileBytes, openFile } from "../os/file-bytes.ts";
import { fileAt, hasSameFirstPage, isMappedFile, sameDevice } from "./file-identity.ts";
import { formatRange, type Mapping } from "./maps.ts";
import { openMemory } from "./memory.ts";
import { tryReadLink } from "./proc-file.ts";

/** An open file that is known to be the mapped one. */
export type MappedFile = {
  /** Close it when done. Its name is the mapping's path. */
  readonly bytes: FileBytes;
  /** The path that led to the file, e.g. to attach a probe to. Undefined for the vDSO, which is read from memory. */
  readonly openedAs: string | undefined;
  /** How it was recognised. */
  readonly verifiedBy: "inode" | "contents" | "memory";
};

/**
 * Opens the file behind a mapping of a living process; for the vDSO, its bytes in memory.
 *
 * @throws LeaklineError `mismatch` when the path now leads to another file, `not-found` when none of the ways leads to
 *   one, `permission`, `unsupported` for memory without a file, or `io`.
 */
export function openMappedFile(pid: number, mapping: Mapping): MappedFile {
  if (mapping.kind === "vdso") return { bytes: openMemory(pid, mapping), openedAs: undefined, verifiedBy: "memory" };
  if (mapping.kind !== "file") {
    const what = mapping.path === "" ? "anonymous memory" : mapping.path;
    throw new LeaklineError("unsupported", `process ${pid}: ${what} at ${formatRange(mapping)} has no file behind it`);
  }
  let refusal: unknown;
  for (const path of candidates(pid, mapping)) {
    const found = fileAt(path);
    if (!found || (sameDevice(found, mapping) && !isMappedFile(found, mapping))) continue;
    try {
      const opened = openVerified(pid, mapping, path);
      if (opened) return opened;
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal ?? unreachable(pid, mapping);
}

function candidates(pid: number, mapping: Mapping): string[] {
  const mapFile = `/proc/${pid}/map_files/${formatRange(mapping)}`;
  if (!mapping.deleted) return [mapFile, `/proc/${pid}/root${mapping.path}`, mapping.path];
  // A deleted executable has a second way to it, where map_files is forbidden.
  const isExecutable = tryReadLink(pid, "exe") === `${mapping.path} (deleted)`;
  return isExecutable ? [mapFile, `/proc/${pid}/exe`] : [mapFile];
}

/** Opens a candidate; undefined when it proves to be another file. What counts is the file opened, not the path. */
function openVerified(pid: number, mapping: Mapping, path: string): MappedFile | undefined {
  const bytes = openFile(path, mapping.path);
  if (isMappedFile(bytes, mapping)) return { bytes, openedAs: path, verifiedBy: "inode" };
  if (!sameDevice(bytes, mapping) && hasSameFirstPage(pid, bytes, mapping))
    return { bytes, openedAs: path, verifiedBy: "contents" };
  bytes.close();
  return undefined;
}

function unreachable(pid: number, mapping: Mapping): LeaklineError {
  const { path, deleted } = mapping;
  if (fileAt(`/proc/${pid}/root${path}`) || fileAt(path)) {
    const hint = "it was replaced since the process started: restart the process, or run leakline as root on the host";
    const message = `${path}: not the file that process ${pid} runs, only one of the same name`;
    return new LeaklineError("mismatch", message, { hint });
  }
  const message = deleted
    ? `${path}: deleted since process ${pid} mapped it`
    : `${path}: mapped by process ${pid}, but out of reach`;
  return new LeaklineError("not-found", message, { hint: "run as root on the host" });
}
