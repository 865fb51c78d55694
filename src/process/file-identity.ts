/**
 * Is a file on disk the one that a process has mapped?
 *
 * Device and inode decide where they can be compared. On overlayfs and btrfs, maps shows the device of the file system
 * below and stat(2) another one; then the file's first page is compared with the process's memory. That page holds the
 * ELF header, whose offsets differ between any two builds, and with common linkers the build ID.
 */

import { type BigIntStats, statSync } from "node:fs";
import type { FileBytes } from "../os/file-bytes.ts";
import { IDENTITY_BYTES, MAX_MAPS_FILE } from "./constants.ts";
import { type Mapping, parseMaps } from "./maps.ts";
import { readMemory } from "./memory.ts";
import { readProcessFile } from "./proc-file.ts";

export type FileId = { readonly device: bigint; readonly inode: bigint };
/** What maps shows of a file. */
export type MappedInode = Pick<Mapping, "deviceMajor" | "deviceMinor" | "inode">;

/** The regular file that a path leads to, or undefined. Does not open it: opening a device can have effects. */
export function fileAt(path: string): FileId | undefined {
  let stat: BigIntStats | undefined;
  try {
    stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
  return stat?.isFile() ? { device: stat.dev, inode: stat.ino } : undefined;
}

/** Do device and inode say that this is the mapped file? */
export function isMappedFile(file: FileId, mapping: MappedInode): boolean {
  return file.inode === mapping.inode && sameDevice(file, mapping);
}

/** A device number of stat(2) as maps shows it (sys/sysmacros.h, gnu_dev_major and gnu_dev_minor). */
export function deviceNumbers(device: bigint): { major: number; minor: number } {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

export function sameDevice(file: FileId, mapping: MappedInode): boolean {
  return file.device === deviceNumber(mapping.deviceMajor, mapping.deviceMinor);
}

/** The mapping of the same file's start, where its ELF header is, if the process cannot have changed it. */
export function headerMapping(mappings: readonly Mapping[], mapping: Mapping): Mapping | undefined {
  return mappings.find(
    (other) =>
      other.offset === 0 && other.inode === mapping.inode && other.path === mapping.path && !other.permissions.write,
  );
}

/**
 * Does the file's first page equal the process's memory where that page is mapped?
 *
 * @returns false also when that page is not mapped, may be changed by the process, or cannot be read.
 */
export function hasSameFirstPage(pid: number, file: FileBytes, mapping: Mapping): boolean {
  try {
    const first = headerMapping(parseMaps(readProcessFile(pid, "maps", MAX_MAPS_FILE)), mapping);
    const length = Math.min(file.size, IDENTITY_BYTES);
    if (!first || length === 0) return false;
    const memory = readMemory(pid, first.start, length);
    return file.read(0, length).every((byte, index) => byte === memory[index]);
  } catch {
    return false;
  }
}

/** A device number as stat(2) has it (gnu_dev_makedev, sys/sysmacros.h). */
function deviceNumber(major: number, minor: number): bigint {
  const [a, i] = [BigInt(major), BigInt(minor)];
  return (i & 0xffn) | ((a & 0xfffn) << 8n) | ((i & ~0xffn) << 12n) | ((a & ~0xfffn) << 32n);
}
