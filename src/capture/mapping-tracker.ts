/**
 * Follows a process's executable mappings, and writes them into the recording whenever they have changed: a library
 * that is opened while we trace must be there before the first stack that leads through it.
 */

import { describeError } from "../base/errors.ts";
import { PT_LOAD } from "../elf/constants.ts";
import { openElf } from "../elf/index.ts";
import { readMaps } from "../process/live-maps.ts";
import { openMappedFile } from "../process/mapped-file.ts";
import type { Mapping } from "../process/maps.ts";
import type { FileEvent, RecordedMapping, RecordedSegment, RecordingEvent, Time } from "../recording/events.ts";

export class MappingTracker {
  private readonly pid: number;
  private readonly emit: (event: RecordingEvent) => void;
  private readonly warn: (message: string) => void;
  /** By device and inode; the vDSO by its path. */
  private readonly files = new Map<string, number>();
  private last = "";

  constructor(pid: number, emit: (event: RecordingEvent) => void, warn: (message: string) => void) {
    this.pid = pid;
    this.emit = emit;
    this.warn = warn;
  }

  /**
   * Reads the mappings, and emits them (and files seen for the first time) if they are not what they were.
   *
   * @throws LeaklineError `target-gone` when the process has ended.
   */
  update(time: Time): void {
    const executable = readMaps(this.pid).filter((mapping) => mapping.permissions.execute);
    const fingerprint = executable.map((m) => `${m.start}-${m.end} ${m.offset} ${fileKey(m)}`).join("\n");
    if (fingerprint === this.last) return;
    const mappings = executable.map((mapping) => this.record(mapping));
    this.emit({ kind: "mappings", time, pid: this.pid, mappings });
    this.last = fingerprint;
  }

  private record(mapping: Mapping): RecordedMapping {
    const { start, end, offset } = mapping;
    if (mapping.kind !== "file" && mapping.kind !== "vdso") {
      return { start, end, offset, file: -1, label: mapping.path || "[anon]" };
    }
    const key = fileKey(mapping);
    let file = this.files.get(key);
    if (file === undefined) {
      file = this.files.size + 1;
      this.files.set(key, file);
      this.emit(this.describe(file, mapping));
    }
    return { start, end, offset, file, label: "" };
  }

  /** A file that cannot be opened is recorded without build ID and segments: its frames stay module + offset. */
  private describe(file: number, mapping: Mapping): FileEvent {
    const { path, deviceMajor, deviceMinor, inode } = mapping;
    const event: FileEvent = { kind: "file", file, path, deviceMajor, deviceMinor, inode, buildId: "", segments: [] };
    try {
      const { bytes } = openMappedFile(this.pid, mapping);
      try {
        const elf = openElf(bytes);
        event.buildId = elf.buildId ?? "";
        event.segments = elf.segments.filter((segment) => segment.type === PT_LOAD).map(recordSegment);
      } finally {
        bytes.close();
      }
    } catch (error) {
      this.warn(`${path}: recorded without build ID: ${describeError(error)}`);
    }
    return event;
  }
}

function fileKey(mapping: Mapping): string {
  return mapping.inode === 0n ? mapping.path : `${mapping.deviceMajor}:${mapping.deviceMinor}:${mapping.inode}`;
}

function recordSegment(segment: RecordedSegment): RecordedSegment {
  const { offset, fileSize, address, memorySize, flags } = segment;
  return { offset, fileSize, address, memorySize, flags };
}
