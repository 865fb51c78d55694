/**
 * Follows a process's executable mappings, and writes them into the recording whenever they have changed: a library
 * that is opened while we trace must be there before the first stack that leads through it.
 */

import { describeError } from "../base/errors.ts";
import { PT_LOAD } from "../elf/constants.ts";
import { mappingsOf, readMapsText } from "../process/live-maps.ts";
import { executableLines, type Mapping } from "../process/maps.ts";
import { executableMappings, type LoadedModule } from "../process/modules.ts";
import type { SeenMapping } from "./seen-mappings.ts";
import type { FileEvent, RecordedMapping, RecordedSegment, RecordingEvent, Time } from "../recording/events.ts";

export type MappingListener = {
  emit(event: RecordingEvent): void;
  warn(message: string): void;
  /** The process's files are these now; called before the events are emitted. */
  modulesChanged?(modules: readonly LoadedModule[]): void;
};

export class MappingTracker {
  private readonly pid: number;
  private readonly listener: MappingListener;
  /** Numbers of the files recorded so far, by what identifies a file: of all processes together. */
  private readonly files: Map<string, number>;
  /** What the last emitted mappings were made from. */
  private lines = "";
  /** Likewise the modules. */
  private fileMappings = "";
  private executable: readonly Mapping[] = [];
  /** Files that the process is going to map, by device and inode. */
  private readonly foreseen = new Map<string, Mapping>();

  constructor(pid: number, files: Map<string, number>, listener: MappingListener) {
    this.pid = pid;
    this.files = files;
    this.listener = listener;
  }

  /**
   * Reads the mappings, and emits them (and files seen for the first time) if they are not what they were.
   *
   * @throws LeaklineError `target-gone` when the process has ended.
   */
  update(time: Time): void {
    const text = readMapsText(this.pid);
    const lines = executableLines(text);
    if (lines === this.lines) return;
    this.emitChanges(mappingsOf(this.pid, text), time);
    this.lines = lines;
  }

  /** The process has executed another program: what was mapped is not any more. */
  forget(): void {
    this.lines = "";
    this.fileMappings = "";
    this.executable = [];
  }

  /** Whether any mappings of the program that the process executes now are known. */
  get hasMappings(): boolean {
    return this.executable.length > 0;
  }

  /** Describes a file that the process is going to map. */
  foresee(module: LoadedModule): void {
    this.recordFile(module);
    const [mapping] = module.mappings;
    this.foreseen.set(inodeKey(mapping), mapping);
  }

  /** Emits mappings of files that were foreseen. */
  complete(seen: readonly SeenMapping[], time: Time): void {
    this.executable = seen.flatMap((one) => {
      const file = this.foreseen.get(inodeKey(one));
      return file ? { ...file, start: one.start, end: one.end, offset: one.offset } : [];
    });
    if (this.executable.length === 0) return;
    const mappings = this.executable.map((mapping) => this.recordMapping(mapping));
    this.listener.emit({ kind: "mappings", time, pid: this.pid, mappings });
  }

  private emitChanges(all: readonly Mapping[], time: Time): void {
    const executable = all.filter((mapping) => mapping.permissions.execute);
    this.updateModules(all, executable);
    const mappings = executable.map((mapping) => this.recordMapping(mapping));
    this.listener.emit({ kind: "mappings", time, pid: this.pid, mappings });
    this.executable = executable;
  }

  /** Opens the files again only if theirs have changed: a JIT compiler maps memory without a file all the time. */
  private updateModules(all: readonly Mapping[], executable: readonly Mapping[]): void {
    const ofFiles = executable.filter(({ kind }) => kind === "file" || kind === "vdso");
    const fileMappings = ofFiles.map((m) => `${m.start}-${m.end} ${m.offset} ${fileKey(m)}`).join("\n");
    if (fileMappings === this.fileMappings) return;
    const modules = executableMappings(this.pid, all);
    this.fileMappings = fileMappings;
    this.listener.modulesChanged?.(modules);
    for (const module of modules) this.recordFile(module);
  }

  /** Whether an address is in executable memory, as of the last update. */
  isCode(address: bigint): boolean {
    return this.executable.some(({ start, end }) => start <= address && address < end);
  }

  private recordFile(module: LoadedModule): void {
    const mapping = module.mappings[0];
    const key = fileKey(mapping);
    if (this.files.has(key)) return;
    const file = this.files.size + 1;
    this.files.set(key, file);
    // A process that exits just now is reported once, by whoever attaches to it.
    if (!module.buildId && module.problem && module.problem.code !== "target-gone") {
      this.listener.warn(`${module.path}: recorded without build ID: ${describeError(module.problem)}`);
    }
    this.listener.emit(describeFile(file, module));
  }

  private recordMapping(mapping: Mapping): RecordedMapping {
    const { start, end, offset } = mapping;
    const file = this.files.get(fileKey(mapping));
    return file === undefined
      ? { start, end, offset, file: -1, label: mapping.path || "[anon]" }
      : { start, end, offset, file, label: "" };
  }
}

function inodeKey({ deviceMajor, deviceMinor, inode }: SeenMapping | Mapping): string {
  return `${deviceMajor}:${deviceMinor}:${inode}`;
}

/** What tells one file from another. */
export function fileKey(mapping: Mapping): string {
  return `${mapping.deviceMajor}:${mapping.deviceMinor}:${mapping.inode} ${mapping.path}`;
}

function describeFile(file: number, module: LoadedModule): FileEvent {
  const { path, deviceMajor, deviceMinor, inode } = module.mappings[0];
  const segments = module.segments.filter((segment) => segment.type === PT_LOAD).map(describeSegment);
  return { kind: "file", file, path, deviceMajor, deviceMinor, inode, buildId: module.buildId ?? "", segments };
}

function describeSegment(segment: RecordedSegment): RecordedSegment {
  const { offset, fileSize, address, memorySize, flags } = segment;
  return { offset, fileSize, address, memorySize, flags };
}
