/**
 * Files fetched from debuginfod servers, kept in the same place and layout as elfutils' own client keeps them, so that
 * each finds what the other fetched: `BUILDID/debuginfo`, `BUILDID/executable`.
 *
 * An empty file says that no server had it. It holds for `cache_miss_s` seconds: a control file in the cache directory
 * that elfutils writes (debuginfod-client-config(7)). A file is written under another name and renamed, so whoever
 * reads sees all of it or nothing. Removing what is old is left to elfutils' client and to the user.
 */

import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { LeaklineError } from "../../base/errors.ts";
import { type FileBytes, openFile } from "../../os/file-bytes.ts";
import type { BuildIdKind } from "../file-provider.ts";

/** Seconds for which a miss holds when there is no control file: elfutils' default. */
const DEFAULT_MISS_SECONDS = 600;

/** The directory that elfutils' client would take: DEBUGINFOD_CACHE_PATH, or one in the user's cache directory. */
export function debuginfodCacheDirectory(environment: NodeJS.ProcessEnv): string {
  const { DEBUGINFOD_CACHE_PATH, XDG_CACHE_HOME, HOME } = environment;
  if (DEBUGINFOD_CACHE_PATH) return DEBUGINFOD_CACHE_PATH;
  const home = HOME || process.getBuiltinModule("node:os").homedir();
  const old = join(home, ".debuginfod_client_cache");
  if (existsSync(old)) return old;
  return join(XDG_CACHE_HOME || join(home, ".cache"), "debuginfod_client");
}

export class DebuginfodCache {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /**
   * Opens a cached file.
   *
   * @param buildId lower-case hexadecimal.
   * @returns `"miss"` when no server had it lately, undefined when it is not known.
   * @throws LeaklineError `permission` or `io`.
   */
  open(buildId: string, kind: BuildIdKind): FileBytes | "miss" | undefined {
    const path = this.pathOf(buildId, kind);
    const stat = tryStat(path);
    if (!stat) return undefined;
    if (stat.size > 0) return openFile(path);
    const age = (Date.now() - stat.mtimeMs) / 1000;
    return age <= this.missSeconds() ? "miss" : undefined;
  }

  /**
   * A name to write a file to, in the directory that it will stay in.
   *
   * @throws LeaklineError `io` when the directory cannot be made.
   */
  temporaryPath(buildId: string, kind: BuildIdKind): string {
    try {
      mkdirSync(join(this.directory, buildId), { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new LeaklineError("io", `${this.directory}: cannot be written: ${(cause as Error).message}`, { cause });
    }
    const { randomBytes } = process.getBuiltinModule("node:crypto");
    return `${this.pathOf(buildId, kind)}.${randomBytes(6).toString("hex")}`;
  }

  /** Keeps what was written to a temporary path. */
  keep(temporary: string, buildId: string, kind: BuildIdKind): void {
    renameSync(temporary, this.pathOf(buildId, kind));
  }

  /** Notes that no server has the file. */
  keepMiss(buildId: string, kind: BuildIdKind): void {
    const temporary = this.temporaryPath(buildId, kind);
    closeSync(openSync(temporary, "wx", 0o600));
    this.keep(temporary, buildId, kind);
  }

  discard(temporary: string): void {
    rmSync(temporary, { force: true });
  }

  private pathOf(buildId: string, kind: BuildIdKind): string {
    return join(this.directory, buildId, kind);
  }

  private missSeconds(): number {
    try {
      const seconds = Number.parseInt(readFileSync(join(this.directory, "cache_miss_s"), "utf8"), 10);
      return Number.isNaN(seconds) ? DEFAULT_MISS_SECONDS : seconds;
    } catch {
      return DEFAULT_MISS_SECONDS;
    }
  }
}

function tryStat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
