/**
 * A debuginfod client: debug information and programs by build ID, from servers that the user named and no others.
 *
 * The symbolizer asks synchronously, and is answered from the cache only. What is not there is noted as a question;
 * `fetchMissing` then asks the servers, and the symbolizer is told to look again (`Symbolizer.reopen`). So the symbolizer
 * does no I/O of its own, and several files are fetched in one go.
 */

import type { ByteSource } from "../../base/bytes.ts";
import { describeError, LeaklineError } from "../../base/errors.ts";
import { openElf } from "../../elf/index.ts";
import { openFile } from "../../os/file-bytes.ts";
import type { BuildIdKind } from "../file-provider.ts";
import { DebuginfodCache } from "./debuginfod-cache.ts";
import type { DebuginfodOptions } from "./debuginfod-options.ts";

/** A build ID as it may stand in a URL and in a path: whole bytes in lower-case hexadecimal; real ones have 8 to 32. */
const BUILD_ID = /^(?:[0-9a-f]{2}){1,64}$/;

/** Progress is told at most so often, milliseconds. */
const PROGRESS_INTERVAL = 1000;

export class Debuginfod {
  private readonly options: DebuginfodOptions;
  private readonly cache: DebuginfodCache;
  /** Each is asked once, whatever becomes of it. */
  private readonly asked = new Set<string>();
  /** What `fetchMissing` will ask for. */
  waiting: { buildId: string; kind: BuildIdKind }[] = [];

  constructor(options: DebuginfodOptions) {
    this.options = options;
    this.cache = new DebuginfodCache(options.cacheDirectory);
  }

  /**
   * The file from the cache. One that is not there is noted, to be fetched by `fetchMissing`.
   *
   * @throws LeaklineError when it is in the cache and cannot be read.
   */
  open(buildId: string, kind: BuildIdKind): ByteSource | undefined {
    if (!BUILD_ID.test(buildId)) return undefined;
    const cached = this.cache.open(buildId, kind);
    if (cached === "miss") return undefined;
    if (cached) return cached;
    const question = `${buildId} ${kind}`;
    if (!this.asked.has(question)) this.waiting.push({ buildId, kind });
    this.asked.add(question);
    return undefined;
  }

  /**
   * Asks the servers for what was missing. What goes wrong is told to `problem`, never thrown: the symbolizer does
   * without.
   *
   * @returns how many files are there now that were not.
   */
  async fetchMissing(): Promise<number> {
    const { waiting } = this;
    this.waiting = [];
    let fetched = 0;
    for (const { buildId, kind } of waiting) if (await this.fetch(buildId, kind)) fetched++;
    return fetched;
  }

  private async fetch(buildId: string, kind: BuildIdKind): Promise<boolean> {
    let nobodyHasIt = true;
    for (const url of this.options.urls) {
      try {
        await this.fetchFrom(url, buildId, kind);
        return true;
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        const isPlainNo = error.code === "not-found";
        nobodyHasIt &&= isPlainNo;
        this.options[isPlainNo ? "progress" : "problem"](`debuginfod: ${describeError(error)}`);
      }
    }
    // A server that is down now may have it: only a plain no from all of them is remembered.
    if (nobodyHasIt) this.tryKeepMiss(buildId, kind);
    return false;
  }

  /** @throws LeaklineError */
  private async fetchFrom(server: string, buildId: string, kind: BuildIdKind): Promise<void> {
    const { cache, options } = this;
    const url = addressOf(server, buildId, kind);
    const temporary = cache.temporaryPath(buildId, kind);
    try {
      let last = performance.now();
      // Loaded only here: HTTP and TLS take longer to start than a stack to be resolved.
      const { download } = await import("./download.ts");
      await download(url, temporary, options, (done, whole) => {
        if (performance.now() - last < PROGRESS_INTERVAL) return;
        last = performance.now();
        options.progress(`debuginfod: ${url}: ${megabytes(done)}${whole ? ` of ${megabytes(whole)}` : ""} MB`);
      });
      verify(temporary, url, buildId);
      cache.keep(temporary, buildId, kind);
      options.progress(`debuginfod: fetched ${url}`);
    } finally {
      cache.discard(temporary);
    }
  }

  private tryKeepMiss(buildId: string, kind: BuildIdKind): void {
    try {
      this.cache.keepMiss(buildId, kind);
    } catch (error) {
      this.options.problem(`debuginfod: ${describeError(error)}`);
    }
  }
}

/** @throws LeaklineError `io` when the server's URL is none. */
function addressOf(server: string, buildId: string, kind: BuildIdKind): string {
  const base = server.replace(/\/+$/, "").replace(/\/buildid$/, "");
  if (!URL.canParse(base)) throw new LeaklineError("io", `${server}: not a URL`);
  return `${base}/buildid/${buildId}/${kind}`;
}

/** @throws LeaklineError `mismatch` or `malformed` when a server sent something else. */
function verify(path: string, url: string, buildId: string): void {
  const bytes = openFile(path, url);
  try {
    const sent = openElf(bytes).buildId;
    if (sent !== buildId)
      throw new LeaklineError("mismatch", `${url}: the server sent a file with build ID ${sent ?? "none"}`);
  } finally {
    bytes.close();
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
