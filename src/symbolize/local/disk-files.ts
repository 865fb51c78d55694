/**
 * Files of this machine by their paths, under a sysroot or as they are.
 *
 * What knows of processes too is local-files.ts: it takes longer to load than one stack of an ELF file to resolve.
 */

import { posix } from "node:path";
import type { ByteSource } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { openFile } from "../../os/file-bytes.ts";
import type { FileProvider } from "../file-provider.ts";
import { batchThreads } from "./batch-threads.ts";
import type { Debuginfod } from "./debuginfod.ts";
import type { IndexStore } from "./index-store.ts";
import { insideRoot } from "./inside-root.ts";
import { decompressToDisk } from "./unpacked-file.ts";

/** Where distributions put separate debug files. */
const DEBUG_DIRECTORY = "/usr/lib/debug";

export type DiskFilesOptions = {
  /** Directories that take the place of `/`, in the order in which they are tried. Empty: `/` itself. */
  sysroots?: readonly string[];
  /** Further directories of separate debug files, on this machine, tried before the usual one. */
  debugDirectories?: readonly string[];
  /** Asked for what is not here. */
  debuginfod?: Debuginfod | undefined;
  /** Answers of earlier runs. */
  answers?: IndexStore | undefined;
  /** Threads that may work on one large batch of addresses. Default: 1. */
  threads?: number | undefined;
};

export function diskFiles(options: DiskFilesOptions): FileProvider {
  const { answers, debuginfod, threads = 1 } = options;
  const roots = options.sysroots?.length ? options.sysroots : [""];
  const extraDebug = (options.debugDirectories ?? []).map((directory) => posix.resolve(directory));
  return {
    debugDirectories: [...extraDebug, DEBUG_DIRECTORY],
    decompress: decompressToDisk,
    candidates({ path }) {
      if (!path.startsWith("/")) return [];
      // On this machine, whatever the root is: directories that the user named.
      const isExtra = extraDebug.some((directory) => posix.normalize(path).startsWith(`${directory}/`));
      return [...(isExtra ? [""] : []), ...roots].map((root) => () => openBelow(root, path));
    },
    ...(debuginfod && { byBuildId: (buildId, kind) => debuginfod.open(buildId, kind) }),
    ...(threads > 1 && { batchHelper: (source: ByteSource) => batchThreads(source, threads) }),
    ...(answers && { keptAnswers: (identity: string) => answers.of(identity) }),
  };
}

/** Its name is the path as the process sees it: what it links to is relative to that. */
export function openBelow(root: string, path: string): ByteSource | undefined {
  const place = insideRoot(root, path);
  try {
    return place === undefined ? undefined : openFile(place, path);
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "not-found") return undefined;
    throw error;
  }
}
