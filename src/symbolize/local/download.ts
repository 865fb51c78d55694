/**
 * Fetches one file over HTTP, with every way in which a server can misbehave bounded: redirects, size, silence, slowness.
 */

import { createWriteStream } from "node:fs";
import { type ClientRequest, get as getHttp, type IncomingMessage } from "node:http";
import { get as getHttps } from "node:https";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { LeaklineError } from "../../base/errors.ts";

const MAX_REDIRECTS = 5;
/** What a server must send within each `timeout`, bytes: as elfutils' client. */
const MINIMUM_PROGRESS = 100 * 1024;

export type DownloadLimits = {
  /** Bytes. */
  maxSize: number;
  /** Seconds in which at least 100 KiB must arrive; 0 for no limit. */
  timeout: number;
  /** Seconds for the whole file; 0 for no limit. */
  maxTime: number;
};

/**
 * Fetches `url` into a new file.
 *
 * @param path must not exist; on an error it may be left behind, in part.
 * @param progress told how much there is of how much, bytes; the whole is undefined when the server does not say.
 * @throws LeaklineError `not-found` when the server says that it has no such file, `limit` when it is too large, `io`.
 */
export async function download(
  url: string,
  path: string,
  limits: DownloadLimits,
  progress: (done: number, whole: number | undefined) => void,
): Promise<void> {
  const stop = new AbortController();
  const watch = new Watch(limits, (why) => stop.abort(new LeaklineError("io", `${url}: ${why}`)));
  try {
    const response = await request(new URL(url), stop.signal, limits.maxSize, MAX_REDIRECTS);
    const whole = sizeOf(response);
    if (whole !== undefined && whole > limits.maxSize) {
      response.destroy();
      throw tooLarge(url, limits.maxSize);
    }
    let done = 0;
    const counter = new Transform({
      transform(chunk: Buffer, _encoding, pass) {
        done += chunk.length;
        watch.received(chunk.length);
        progress(done, whole);
        pass(done > limits.maxSize ? tooLarge(url, limits.maxSize) : null, chunk);
      },
    });
    await pipeline(response, counter, createWriteStream(path, { flags: "wx", mode: 0o400 }), { signal: stop.signal });
  } catch (cause) {
    const reason = stop.signal.aborted ? stop.signal.reason : cause;
    if (reason instanceof LeaklineError) throw reason;
    throw new LeaklineError("io", `${url}: ${(reason as Error).message}`, { cause });
  } finally {
    watch.close();
  }
}

/** The response with the file, redirects followed; never from https to http. */
async function request(url: URL, signal: AbortSignal, maxSize: number, redirects: number): Promise<IncomingMessage> {
  const response = await ask(url, signal, maxSize);
  const { statusCode = 0 } = response;
  const { location } = response.headers;
  if (statusCode === 200) return response;
  response.destroy();
  if (statusCode === 404) throw new LeaklineError("not-found", `${url}: the server has no such file`);
  if (statusCode < 300 || statusCode >= 400 || location === undefined)
    throw new LeaklineError("io", `${url}: the server answered ${statusCode}`);
  if (redirects === 0) throw new LeaklineError("io", `${url}: redirected more than ${MAX_REDIRECTS} times`);
  const next = new URL(location, url);
  if (url.protocol === "https:" && next.protocol !== "https:")
    throw new LeaklineError("io", `${url}: redirected to ${next.protocol}, which is not encrypted`);
  return request(next, signal, maxSize, redirects - 1);
}

function ask(url: URL, signal: AbortSignal, maxSize: number): Promise<IncomingMessage> {
  const headers = {
    "user-agent": "leakline",
    // The file as it is: its size is then known, and it need not be unpacked.
    "accept-encoding": "identity",
    "x-debuginfod-maxsize": String(maxSize),
  };
  return new Promise((resolve, reject) => {
    let sent: ClientRequest;
    if (url.protocol === "https:") sent = getHttps(url, { headers, signal }, resolve);
    else if (url.protocol === "http:") sent = getHttp(url, { headers, signal }, resolve);
    else throw new LeaklineError("io", `${url}: only http and https are supported`);
    sent.on("error", reject);
  });
}

/** debuginfod's own header gives the size also where the body is sent in chunks. */
function sizeOf({ headers }: IncomingMessage): number | undefined {
  const size = Number(headers["x-debuginfod-size"] ?? headers["content-length"]);
  return Number.isNaN(size) ? undefined : size;
}

function tooLarge(url: string, maxSize: number): LeaklineError {
  return new LeaklineError("limit", `${url}: larger than ${maxSize} bytes (DEBUGINFOD_MAXSIZE)`);
}

/** The clock beside a download. */
class Watch {
  private readonly timers: NodeJS.Timeout[] = [];
  private lately = 0;

  constructor({ timeout, maxTime }: DownloadLimits, stop: (why: string) => void) {
    if (timeout > 0) {
      const check = (): void => {
        if (this.lately < MINIMUM_PROGRESS) stop(`less than 100 KiB in ${timeout} s (DEBUGINFOD_TIMEOUT)`);
        this.lately = 0;
      };
      this.timers.push(setInterval(check, timeout * 1000));
    }
    if (maxTime > 0)
      this.timers.push(setTimeout(() => stop(`not done in ${maxTime} s (DEBUGINFOD_MAXTIME)`), maxTime * 1000));
  }

  received(bytes: number): void {
    this.lately += bytes;
  }

  close(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}
