/**
 * Files of this machine: under a sysroot, or where a living process sees them.
 *
 * A file mapped by a living process is that very file or none: deleted ones are reached through the kernel, and one
 * that replaced it is refused (`openMappedFile`). Debug files are looked for below the process's own root first, since
 * a container brings its own.
 */

import { posix } from "node:path";
import { type ByteSource, memorySource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { decompress } from "../../compress/decompress.ts";
import { findMapping } from "../../normalize/normalize.ts";
import { openFile } from "../../os/file-bytes.ts";
import { fileAt, isMappedFile } from "../../process/file-identity.ts";
import { readMaps } from "../../process/live-maps.ts";
import { openMappedFile } from "../../process/mapped-file.ts";
import type { Mapping } from "../../process/maps.ts";
import { targetGone } from "../../process/proc-file.ts";
import { describeProcess, isAlive } from "../../process/process-info.ts";
import type { FileProvider, WantedFile } from "../file-provider.ts";
import type { PerfMap } from "../perf-map.ts";
import type { Debuginfod } from "./debuginfod.ts";
import type { IndexStore } from "./index-store.ts";
import { insideRoot } from "./inside-root.ts";
import { PerfMapFile } from "./perf-map-file.ts";

/** Where distributions put separate debug files. */
const DEBUG_DIRECTORY = "/usr/lib/debug";
const VDSO = "[vdso]";

export type LocalFilesOptions = {
  /** Directories that take the place of `/`, in the order in which they are tried. Empty: `/` itself. */
  sysroots?: readonly string[];
  /** Further directories of separate debug files, on this machine, tried before the usual one. */
  debugDirectories?: readonly string[];
  /** A living process: its own view of the file system is tried first. */
  pid?: number;
  /** Asked for what is not here. */
  debuginfod?: Debuginfod | undefined;
  /** Answers of earlier runs. */
  answers?: IndexStore | undefined;
};

export function localFiles(options: LocalFilesOptions): FileProvider {
  const { answers, debuginfod, pid } = options;
  const target = pid === undefined ? undefined : new LiveTarget(pid);
  const sysroots = options.sysroots?.length ? options.sysroots : [""];
  const roots = target ? [target.root, ...sysroots] : sysroots;
  const extraDebug = (options.debugDirectories ?? []).map((directory) => posix.resolve(directory));
  return {
    debugDirectories: [...extraDebug, DEBUG_DIRECTORY],
    decompress,
    candidates(wanted) {
      if (wanted.mapping && target) return target.candidates(wanted);
      const { path } = wanted;
      if (path === VDSO) return [() => readOwnVdso(wanted)];
      if (!path.startsWith("/")) return [];
      // On this machine, whatever the root is: directories that the user named.
      const isExtra = extraDebug.some((directory) => posix.normalize(path).startsWith(`${directory}/`));
      return [...(isExtra ? [""] : []), ...roots].map((root) => () => openBelow(root, path));
    },
    ...(debuginfod && { byBuildId: (buildId, kind) => debuginfod.open(buildId, kind) }),
    ...(answers && { keptAnswers: (identity: string) => answers.of(identity) }),
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

/** Its name is the path as the process sees it: what it links to is relative to that. */
function openBelow(root: string, path: string): ByteSource | undefined {
  const place = insideRoot(root, path);
  try {
    return place === undefined ? undefined : openFile(place, path);
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "not-found") return undefined;
    throw error;
  }
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
