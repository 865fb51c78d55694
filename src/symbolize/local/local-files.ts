/** Files of this machine: under a sysroot, or where a living process sees them. */

import { posix } from "node:path";
import { hex } from "../../base/address.ts";
import { type ByteSource, memorySource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { decompress } from "../../compress/decompress.ts";
import { openFile } from "../../os/file-bytes.ts";
import { readMemory } from "../../process/memory.ts";
import type { FileProvider, WantedFile } from "../file-provider.ts";

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
};

export function localFiles(options: LocalFilesOptions): FileProvider {
  const { pid } = options;
  const sysroots = options.sysroots?.length ? options.sysroots : [""];
  const roots = pid === undefined ? sysroots : [`/proc/${pid}/root`, ...sysroots];
  const extraDebug = (options.debugDirectories ?? []).map((directory) => posix.resolve(directory));
  return {
    debugDirectories: [...extraDebug, DEBUG_DIRECTORY],
    decompress,
    candidates({ path, mapping }) {
      if (path === VDSO && pid !== undefined && mapping) return [() => readVdso(pid, mapping)];
      if (!path.startsWith("/")) return [];
      // Normalized: a path from a recording must not climb out of the sysroot.
      const inside = posix.normalize(path);
      const places = roots.map((root) => root + inside);
      if (extraDebug.some((directory) => inside.startsWith(`${directory}/`))) places.unshift(inside);
      if (pid !== undefined && mapping) places.unshift(mapFile(pid, mapping));
      return places.map((place) => () => openIfThere(place));
    },
  };
}

/** Leads to the mapped file itself, also when it was deleted (proc_pid_map_files(5)). */
function mapFile(pid: number, mapping: NonNullable<WantedFile["mapping"]>): string {
  return `/proc/${pid}/map_files/${hex(mapping.start)}-${hex(mapping.end)}`;
}

function openIfThere(path: string): ByteSource | undefined {
  try {
    return openFile(path);
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "not-found") return undefined;
    throw error;
  }
}

/** Copied: it must outlive the process. */
function readVdso(pid: number, mapping: NonNullable<WantedFile["mapping"]>): ByteSource {
  return memorySource(VDSO, readMemory(pid, mapping.start, Number(mapping.end - mapping.start)));
}
