/**
 * The files whose code a process runs, with what identifies each: build ID and loaded segments.
 *
 * These are what turns an absolute address into one that holds on another machine, so a file that cannot be opened any
 * more (deleted, in a container) is still identified, by the headers that the process has in memory.
 */

import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, openElf, type Segment } from "../elf/index.ts";
import { type FileBytes, openFile } from "../os/file-bytes.ts";
import { deviceNumbers, headerMapping } from "./file-identity.ts";
import { readMaps } from "./live-maps.ts";
import { openMappedFile } from "./mapped-file.ts";
import type { Mapping } from "./maps.ts";
import { openMemory } from "./memory.ts";
import { tryReadLink } from "./proc-file.ts";

/** A file of which a process has mapped code, or its vDSO. */
export type LoadedModule = {
  readonly path: string;
  readonly deleted: boolean;
  /** The process's main program. */
  readonly isExecutable: boolean;
  /** The executable mappings of it, by ascending start; at least one. */
  readonly mappings: readonly Mapping[];
  /** It is not mapped yet: there is one mapping, at address 0, that only says which file it is. */
  readonly isForeseen: boolean;
  /** Lower-case hexadecimal. */
  readonly buildId: string | undefined;
  /** All program headers; empty when none could be read. */
  readonly segments: readonly Segment[];
  /** The path that leads to the file just now, to attach a probe to or to open it again. */
  readonly openedAs: string | undefined;
  /** Why the file cannot be opened or is no ELF file. */
  readonly problem: LeaklineError | undefined;
};

/**
 * Lists the files with executable mappings, the main program first. Each file is opened once and closed again, so
 * that a process with thousands of libraries does not use up our file descriptors.
 *
 * @throws LeaklineError as `readMaps`; what is wrong with one file is in its `problem`.
 */
export function executableMappings(pid: number, mappings: readonly Mapping[] = readMaps(pid)): LoadedModule[] {
  return groupByFile(mappings)
    .map((group) => identify(pid, group, mappings))
    .sort((a, b) => Number(b.isExecutable) - Number(a.isExecutable));
}

/**
 * A file of which a process is going to map code, by its path as we see it.
 *
 * @throws LeaklineError when it cannot be opened.
 */
export function foreseenModule(path: string, isExecutable: boolean): LoadedModule {
  const file = openFile(path);
  try {
    const { inode } = file;
    const { major: deviceMajor, minor: deviceMinor } = deviceNumbers(file.device);
    const permissions = { read: true, write: false, execute: true, shared: false };
    const place = { start: 0n, end: 0n, offset: 0, permissions, deviceMajor, deviceMinor, inode };
    const mappings = [{ ...place, kind: "file" as const, path, deleted: false }];
    const { buildId, segments } = openElf(file);
    const common = { path, deleted: false, isExecutable, mappings, isForeseen: true };
    return { ...common, buildId, segments, openedAs: path, problem: undefined };
  } finally {
    file.close();
  }
}

/**
 * Opens a module's file. Close it when done.
 *
 * @throws LeaklineError as `openMappedFile`.
 */
export function openModuleFile(pid: number, { path, mappings, isForeseen }: LoadedModule): FileBytes {
  return isForeseen ? openFile(path) : openMappedFile(pid, mappings[0]).bytes;
}

/**
 * Opens a module's file, hands it to `use`, and closes it.
 *
 * @throws LeaklineError as `openMappedFile`, MalformedError when it is no ELF file.
 */
export function withModule<T>(pid: number, module: LoadedModule, use: (elf: ElfFile) => T): T {
  const bytes = openModuleFile(pid, module);
  try {
    return use(openElf(bytes));
  } finally {
    bytes.close();
  }
}

/** Executable mappings with a file. The path tells apart files of btrfs subvolumes, which may share device and inode. */
function groupByFile(mappings: readonly Mapping[]): Mapping[][] {
  const groups = new Map<string, Mapping[]>();
  for (const mapping of mappings) {
    if (!mapping.permissions.execute || (mapping.kind !== "file" && mapping.kind !== "vdso")) continue;
    const key = `${mapping.deviceMajor}:${mapping.deviceMinor}:${mapping.inode} ${mapping.path}`;
    const group = groups.get(key);
    if (group) group.push(mapping);
    else groups.set(key, [mapping]);
  }
  return [...groups.values()];
}

function identify(pid: number, group: readonly Mapping[], mappings: readonly Mapping[]): LoadedModule {
  const { path, deleted } = group[0];
  const isExecutable = tryReadLink(pid, "exe") === (deleted ? `${path} (deleted)` : path);
  const common = { path, deleted, isExecutable, mappings: group, isForeseen: false };
  try {
    const { bytes, openedAs } = openMappedFile(pid, group[0]);
    try {
      const { buildId, segments } = openElf(bytes);
      return { ...common, buildId, segments, openedAs, problem: undefined };
    } finally {
      bytes.close();
    }
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return { ...common, ...identifyInMemory(pid, group[0], mappings), openedAs: undefined, problem: error };
  }
}

function identifyInMemory(pid: number, mapping: Mapping, mappings: readonly Mapping[]) {
  const header = headerMapping(mappings, mapping);
  try {
    if (header) {
      const { buildId, segments } = openElf(openMemory(pid, header));
      return { buildId, segments };
    }
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
  }
  return { buildId: undefined, segments: [] };
}
