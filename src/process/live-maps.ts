/**
 * The mappings of a living process.
 *
 * What is guaranteed when the process changes them meanwhile: the kernel hands the text out about a page at a time and
 * resumes by address (Documentation/filesystems/proc.rst, "consistent"). So no two mappings overlap, and a mapping that
 * existed for the whole of the read is there. One that came or went during it may be there or not. Reading again does
 * not cure that; whoever opens a mapping's file verifies that it still is that file.
 */

import { LeaklineError } from "../base/errors.ts";
import { MAX_MAPS_FILE } from "./constants.ts";
import { fileAt, isMappedFile } from "./file-identity.ts";
import { type Mapping, parseMaps } from "./maps.ts";
import { readProcessFile, targetGone } from "./proc-file.ts";

/**
 * Reads /proc/PID/maps.
 *
 * @returns the mappings by ascending start; at least one.
 * @throws LeaklineError `target-gone` (also for a zombie or kernel thread: they have no memory), `permission`, `limit`.
 */
export function readMaps(pid: number): Mapping[] {
  return mappingsOf(pid, readMapsText(pid));
}

/**
 * The text of /proc/PID/maps, for `mappingsOf`: whoever looks several times a second parses it only when it has changed.
 *
 * @throws LeaklineError as `readMaps`.
 */
export function readMapsText(pid: number): string {
  const text = readProcessFile(pid, "maps", MAX_MAPS_FILE);
  if (text === "") throw targetGone(pid, new LeaklineError("io", `/proc/${pid}/maps is empty`));
  return text;
}

/** The mappings of a living process by its maps file's text, by ascending start. */
export function mappingsOf(pid: number, text: string): Mapping[] {
  const mappings = parseMaps(text, `/proc/${pid}/maps`);
  return mappings.map((mapping) => (mapping.deleted ? undoMark(pid, mapping) : mapping));
}

/** A file may really be called `x (deleted)`. It is, when that name leads to the file that is mapped. */
function undoMark(pid: number, mapping: Mapping): Mapping {
  const path = `${mapping.path} (deleted)`;
  const file = fileAt(`/proc/${pid}/root${path}`);
  return file && isMappedFile(file, mapping) ? { ...mapping, path, deleted: false } : mapping;
}
