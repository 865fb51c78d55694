/**
 * Files of this machine: under a sysroot, or where a living process sees them.
 *
 * A file mapped by a living process is that very file or none: deleted ones are reached through the kernel, and one
 * that replaced it is refused (`openMappedFile`). Debug files are looked for below the process's own root first, since
 * a container brings its own.
 */

import { type ByteSource, memorySource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { findRange } from "../../base/ranges.ts";
import { fileAt, isMappedFile } from "../../process/file-identity.ts";
import { readMaps } from "../../process/live-maps.ts";
import { openMappedFile } from "../../process/mapped-file.ts";
import type { Mapping } from "../../process/maps.ts";
import { targetGone } from "../../process/proc-file.ts";
import { describeProcess, isAlive } from "../../process/process-info.ts";
import type { FileProvider, LivingProcess, WantedFile } from "../file-provider.ts";
import type { PerfMap } from "../perf-map.ts";
import { type DiskFilesOptions, diskFiles, openBelow } from "./disk-files.ts";
import { insideRoot } from "./inside-root.ts";
import { PerfMapFile } from "./perf-map-file.ts";

const VDSO = "[vdso]";
/** Processes that may hold a perf map open at once, and are known without asking the kernel again. */
const MAX_TARGETS_KNOWN = 256;

export type LocalFilesOptions = DiskFilesOptions & {
  /** A living process: its own view of the file system is tried first. */
  pid?: number;
  /** The recorded processes live on this machine, or did just now: each one's own view is tried first for its files. */
  live?: boolean;
};

/** @throws LeaklineError as `describeProcess`, when there is a `pid`. */
export function localFiles(options: LocalFilesOptions): FileProvider {
  const files = filesOf(options, options.pid === undefined ? undefined : new LiveTarget(describeProcess(options.pid)));
  if (!options.live) return files;
  /** Least recently used first. */
  const known = new Map<string, { target: LiveTarget; files: FileProvider }>();
  return {
    ...files,
    ofProcess(process) {
      const key = `${process.pid} ${process.startTime}`;
      let found = known.get(key);
      if (!found) {
        const target = new LiveTarget(process);
        found = { target, files: filesOf(options, target) };
      }
      // Re-inserted last: a Map iterates in insertion order.
      known.delete(key);
      known.set(key, found);
      const [[oldest, { target }]] = known;
      if (known.size > MAX_TARGETS_KNOWN) {
        target.close();
        known.delete(oldest);
      }
      return found.files;
    },
  };
}

function filesOf(options: LocalFilesOptions, target: LiveTarget | undefined): FileProvider {
  const sysroots = options.sysroots?.length ? options.sysroots : [""];
  const disk = diskFiles(options);
  /** As the process sees them, while it lives. */
  const own = target && diskFiles({ ...options, sysroots: [target.root, ...sysroots] });
  return {
    ...disk,
    candidates(wanted) {
      if (wanted.mapping && target) return target.candidates(wanted);
      if (wanted.path === VDSO) return [() => readOwnVdso(wanted)];
      return (own && target?.isAlive() ? own : disk).candidates(wanted);
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

  constructor({ pid, startTime }: LivingProcess) {
    this.pid = pid;
    this.startTime = startTime;
    this.root = `/proc/${pid}/root`;
  }

  isAlive(): boolean {
    return isAlive(this.pid, this.startTime);
  }

  /**
   * Ways to a mapped file: the one that is mapped; what its path leads to below the process's root, once the process has
   * unmapped it or executed another program; and once it is gone, what its path leads to here.
   */
  candidates(wanted: WantedFile): (() => ByteSource | undefined)[] {
    if (wanted.path === VDSO) return [() => this.readVdso(wanted), () => readOwnVdso(wanted)];
    return [
      () => openMappedFile(this.pid, this.mapping(wanted)).bytes,
      () => (this.isAlive() ? openSame(this.root, wanted) : undefined),
      () => openSame("", wanted),
    ];
  }

  /** Lets go of what it holds open; asked again, it opens it again while the process lives. */
  close(): void {
    this.perfMapFile?.close();
    this.perfMapFile = undefined;
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
    const found = mapping && findRange(readMaps(this.pid), mapping.start);
    if (found?.path === path) return found;
    throw new LeaklineError("not-found", `${path}: no longer mapped by process ${this.pid}`);
  }

  private requireAlive(): void {
    if (!this.isAlive()) throw targetGone(this.pid);
  }
}

/** The file that a path leads to; where there is no build ID to know it by, only if it is the same by inode. */
function openSame(root: string, { path, inode }: WantedFile): ByteSource | undefined {
  const place = insideRoot(root, path);
  const found = place === undefined ? undefined : fileAt(place);
  return found && (!inode || isMappedFile(found, inode)) ? openBelow(root, path) : undefined;
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
