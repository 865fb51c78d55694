/**
 * Files of this machine: under a sysroot, or where a living process sees them.
 *
 * A file mapped by a living process is that very file or none: deleted ones are reached through the kernel, and one
 * that replaced it is refused (`openMappedFile`). Debug files are looked for below the process's own root first, since
 * a container brings its own.
 */

import { type ByteSource, memorySource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { findMapping } from "../../normalize/normalize.ts";
import { fileAt, isMappedFile } from "../../process/file-identity.ts";
import { readMaps } from "../../process/live-maps.ts";
import { openMappedFile } from "../../process/mapped-file.ts";
import type { Mapping } from "../../process/maps.ts";
import { targetGone } from "../../process/proc-file.ts";
import { describeProcess, isAlive } from "../../process/process-info.ts";
import type { FileProvider, WantedFile } from "../file-provider.ts";
import type { PerfMap } from "../perf-map.ts";
import { type DiskFilesOptions, diskFiles, openBelow } from "./disk-files.ts";
import { PerfMapFile } from "./perf-map-file.ts";

const VDSO = "[vdso]";

export type LocalFilesOptions = DiskFilesOptions & {
  /** A living process: its own view of the file system is tried first. */
  pid?: number;
};

export function localFiles(options: LocalFilesOptions): FileProvider {
  const { pid } = options;
  const target = pid === undefined ? undefined : new LiveTarget(pid);
  const sysroots = options.sysroots?.length ? options.sysroots : [""];
  const disk = diskFiles(target ? { ...options, sysroots: [target.root, ...sysroots] } : options);
  return {
    ...disk,
    candidates(wanted) {
      if (wanted.mapping && target) return target.candidates(wanted);
      return wanted.path === VDSO ? [() => readOwnVdso(wanted)] : disk.candidates(wanted);
    },
    ...(target && { perfMap: () => target.perfMap() }),
  };
}

/** A process that lives now, and may be gone at any time: its number is then another's. */
class LiveTarget {
  readonly root: string;
  private readonly pid: number;
  private readonly startTime: number;
  private perfMapFile: PerfMapFile | undefined;

  /** @throws LeaklineError as `describeProcess`. */
  constructor(pid: number) {
    const info = describeProcess(pid);
    this.pid = info.pid;
    this.startTime = info.startTime;
    this.root = `/proc/${info.pid}/root`;
  }

  /** Ways to a mapped file: the one that is mapped, and once the process is gone, what its path leads to. */
  candidates(wanted: WantedFile): (() => ByteSource | undefined)[] {
    if (wanted.path === VDSO) return [() => this.readVdso(wanted), () => readOwnVdso(wanted)];
    return [() => openMappedFile(this.pid, this.mapping(wanted)).bytes, () => openSame(wanted)];
  }

  /** @throws LeaklineError as `PerfMapFile`. */
  perfMap(): PerfMap {
    if (!this.perfMapFile) {
      this.requireAlive();
      this.perfMapFile = new PerfMapFile(this.pid);
    }
    return this.perfMapFile.read();
  }

  /** It is the target's, which may be of another ABI than our own. */
  private readVdso(wanted: WantedFile): ByteSource {
    return copyVdso(this.pid, this.mapping(wanted));
  }

  /** The mapping as it is now: the process may have changed its neighbours meanwhile, and so its bounds. */
  private mapping({ path, mapping }: WantedFile): Mapping {
    this.requireAlive();
    const found = mapping && findMapping(readMaps(this.pid), mapping.start);
    if (found?.path === path) return found;
    throw new LeaklineError("not-found", `${path}: no longer mapped by process ${this.pid}`);
  }

  private requireAlive(): void {
    if (!isAlive(this.pid, this.startTime)) throw targetGone(this.pid);
  }
}

/** The file that a path leads to; where there is no build ID to know it by, only if it is the same by inode. */
function openSame({ path, inode }: WantedFile): ByteSource | undefined {
  const found = fileAt(path);
  return found && (!inode || isMappedFile(found, inode)) ? openBelow("", path) : undefined;
}

/** Every process of an ABI has the same vDSO until the kernel changes. Its build ID says whether ours is the one. */
function readOwnVdso({ inode }: WantedFile): ByteSource | undefined {
  const mapping = inode ? undefined : readMaps(process.pid).find(({ kind }) => kind === "vdso");
  return mapping && copyVdso(process.pid, mapping);
}

/** Copied: it must outlive the process. */
function copyVdso(pid: number, mapping: Mapping): ByteSource {
  const { bytes } = openMappedFile(pid, mapping);
  return memorySource(VDSO, bytes.read(0, bytes.size));
}
