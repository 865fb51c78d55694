/** The environment variables of debuginfod clients (debuginfod-client-config(7)), which ours honours too. */

import { debuginfodCacheDirectory } from "./debuginfod-cache.ts";

export type DebuginfodOptions = {
  /** Servers, in the order in which they are asked. At least one. */
  urls: readonly string[];
  cacheDirectory: string;
  /** A server that sends less than 100 KiB within so many seconds is given up; 0 waits for ever. */
  timeout: number;
  /** Most seconds for one file; 0 for no limit. */
  maxTime: number;
  /** Largest file fetched, bytes. */
  maxSize: number;
  /** Told how far each file is, and which no server has. */
  progress: (message: string) => void;
  /** Told about servers that failed. */
  problem: (message: string) => void;
};

const DEFAULT_TIMEOUT = 90;
/** elfutils has no limit by default. A disk should not be filled by whatever a server sends. */
const MAX_SIZE = 16 * 2 ** 30;

/**
 * What the environment says, with further servers in front.
 *
 * @param urls servers that the user named beside the environment.
 * @param tell is told about problems; about progress only when DEBUGINFOD_PROGRESS is set or the user named a server.
 * @returns undefined when no server is known: then no cache is looked at either, as with elfutils.
 */
export function debuginfodOptions(
  environment: NodeJS.ProcessEnv,
  urls: readonly string[],
  tell: (message: string) => void,
): DebuginfodOptions | undefined {
  const servers = [...urls, ...(environment.DEBUGINFOD_URLS ?? "").split(/\s+/)].filter((url) => url !== "");
  if (servers.length === 0) return undefined;
  const maxSize = numberFrom(environment.DEBUGINFOD_MAXSIZE, 0);
  return {
    urls: servers,
    cacheDirectory: debuginfodCacheDirectory(environment),
    timeout: Math.max(0, numberFrom(environment.DEBUGINFOD_TIMEOUT, DEFAULT_TIMEOUT)),
    maxTime: Math.max(0, numberFrom(environment.DEBUGINFOD_MAXTIME, 0)),
    maxSize: maxSize > 0 ? Math.min(maxSize, MAX_SIZE) : MAX_SIZE,
    progress: environment.DEBUGINFOD_PROGRESS || urls.length > 0 ? tell : () => {},
    problem: tell,
  };
}

function numberFrom(text: string | undefined, otherwise: number): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? otherwise : value;
}
