/**
 * A /proc/PID/maps that was saved, as a recording: with it, addresses that a device only printed are resolved on another
 * machine. It tells no build IDs, so whoever has it must bring the right files.
 */

import { type Mapping, parseMaps } from "../process/maps.ts";
import type { FileEvent, RecordedMapping } from "../recording/events.ts";
import { Recording } from "../recording/recording.ts";

/** The process of such a recording. Its number was not saved. */
export const SAVED_PROCESS = 0;

/**
 * @param text the whole maps file.
 * @param name for error messages.
 * @returns a recording with one process, SAVED_PROCESS, whose mappings hold from time 0 on.
 * @throws MalformedError that names the first damaged line.
 */
export function recordingOfMaps(text: string, name: string): Recording {
  const recording = new Recording();
  const files = new Map<string, number>();
  const mappings: RecordedMapping[] = [];
  for (const mapping of parseMaps(text, name)) {
    if (!mapping.permissions.execute) continue;
    const { start, end, offset } = mapping;
    if (mapping.kind !== "file" && mapping.kind !== "vdso") {
      mappings.push({ start, end, offset, file: -1, label: mapping.path || "[anon]" });
      continue;
    }
    const path = pathOf(mapping);
    const file = files.get(path) ?? files.size + 1;
    if (!files.has(path)) recording.apply(describeFile(file, path, mapping));
    files.set(path, file);
    mappings.push({ start, end, offset, file, label: "" });
  }
  recording.apply({ kind: "mappings", time: 0, pid: SAVED_PROCESS, mappings });
  return recording;
}

/** A deleted file keeps its mark: whatever has its path now is another file. */
function pathOf({ path, deleted }: Mapping): string {
  return deleted ? `${path} (deleted)` : path;
}

function describeFile(file: number, path: string, mapping: Mapping): FileEvent {
  const { deviceMajor, deviceMinor, inode } = mapping;
  return { kind: "file", file, path, deviceMajor, deviceMinor, inode, buildId: "", segments: [] };
}
