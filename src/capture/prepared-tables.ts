/**
 * A folder of unwind tables that were prepared beforehand, `BUILD-ID.unwind` each: on a small device, compiling them
 * takes more memory and time than all else that recording does.
 */

import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LeaklineError } from "../base/errors.ts";
import { openFile } from "../os/file-bytes.ts";
import { decodeTable, encodeTable, MAX_TABLE_FILE, type UnwindTable } from "../unwind/index.ts";

/**
 * The table of the file with this build ID; undefined when the folder has none.
 *
 * @param buildId in hexadecimal.
 * @throws LeaklineError as `decodeTable`, and `permission`, `io` or `limit` when the file cannot be read.
 */
export function loadPreparedTable(directory: string, buildId: string): UnwindTable | undefined {
  const path = preparedPath(directory, buildId);
  try {
    const file = openFile(path);
    try {
      if (file.size > MAX_TABLE_FILE) throw new LeaklineError("limit", `${path}: larger than ${MAX_TABLE_FILE} bytes`);
      return decodeTable(file.read(0, file.size), path, buildId);
    } finally {
      file.close();
    }
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "not-found") return undefined;
    throw error;
  }
}

/**
 * Writes a table where `loadPreparedTable` finds it. One that is there already is replaced at once, never seen by half.
 *
 * @returns the file's path and size in bytes.
 * @throws LeaklineError `io`.
 */
export function savePreparedTable(
  directory: string,
  buildId: string,
  table: UnwindTable,
): { path: string; size: number } {
  const path = preparedPath(directory, buildId);
  const bytes = encodeTable(table, buildId);
  try {
    writeFileSync(`${path}.new`, bytes);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new LeaklineError("io", `${path}: cannot be written: ${(cause as Error).message}`, {
      cause,
      hint: "choose a folder that can be written",
    });
  }
  return { path, size: bytes.length };
}

function preparedPath(directory: string, buildId: string): string {
  return join(directory, `${buildId}.unwind`);
}
