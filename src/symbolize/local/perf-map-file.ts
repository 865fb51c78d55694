/**
 * The perf map of a living process, where the process itself writes it: `/tmp/perf-PID.map` below its own root, with
 * the PID that it has in its own PID namespace.
 *
 * /tmp is everybody's, and we are root: so only a regular file is read that belongs to the process's user or to root,
 * never through a symbolic link that somebody else may have put there.
 */

import { type BigIntStats, lstatSync } from "node:fs";
import { LeaklineError } from "../../base/errors.ts";
import { type FileBytes, openFile } from "../../os/file-bytes.ts";
import { describeProcess } from "../../process/process-info.ts";
import { PerfMap } from "../perf-map.ts";
import { insideRoot } from "./inside-root.ts";

export class PerfMapFile {
  /** As the process sees it. */
  readonly name: string;
  private readonly path: string;
  private readonly userId: number;
  private last: { bytes: FileBytes; map: PerfMap } | undefined;

  /** @throws LeaklineError as `describeProcess`. */
  constructor(pid: number) {
    const { namespacePids, uid } = describeProcess(pid);
    this.name = `/tmp/perf-${namespacePids.at(-1)}.map`;
    const folder = insideRoot(`/proc/${pid}/root`, "/tmp") ?? `/proc/${pid}/root/tmp`;
    this.path = `${folder}/perf-${namespacePids.at(-1)}.map`;
    this.userId = uid;
  }

  /**
   * The map as it is now: read again when the process has written on. When it cannot be read any more, because the
   * process has exited, the last one stays.
   *
   * @throws LeaklineError `not-found` when the process writes none, `refused` when it may be another's, `limit`, `io`.
   */
  read(): PerfMap {
    const stat = tryStat(this.path);
    const { last } = this;
    if (!stat && last) return last.map;
    if (!stat) throw new LeaklineError("not-found", `the process writes no perf map (${this.name})`);
    if (last && Number(stat.size) === last.bytes.size && stat.mtimeNs === last.bytes.modified) return last.map;
    this.verify(stat);
    const bytes = openFile(this.path, this.name);
    if (bytes.inode !== stat.ino || bytes.device !== stat.dev) {
      bytes.close();
      throw new LeaklineError("refused", `${this.name} was replaced while it was opened`);
    }
    try {
      const map = new PerfMap(bytes);
      last?.bytes.close();
      this.last = { bytes, map };
      return map;
    } catch (error) {
      bytes.close();
      throw error;
    }
  }

  close(): void {
    this.last?.bytes.close();
    this.last = undefined;
  }

  private verify(stat: BigIntStats): void {
    if (!stat.isFile()) throw new LeaklineError("refused", `${this.name} is not a regular file, so it was not read`);
    const owner = Number(stat.uid);
    if (owner !== 0 && owner !== this.userId)
      throw new LeaklineError("refused", `${this.name} belongs to user ${owner}, not to the process's: not read`);
  }
}

function tryStat(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
