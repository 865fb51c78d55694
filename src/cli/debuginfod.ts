/** Fetching missing debug information: the option that all resolving commands share, and the loop around resolving. */

import { Debuginfod } from "../symbolize/local/debuginfod.ts";
import { debuginfodOptions } from "../symbolize/local/debuginfod-options.ts";
import type { Arguments, OptionTable } from "./command.ts";
import { note } from "./output.ts";

export const DEBUGINFOD_OPTION: OptionTable = {
  debuginfod: {
    value: "URL",
    help: "fetch missing files from this server too, beside $DEBUGINFOD_URLS",
    multiple: true,
  },
};

/** The client that the command line and the environment ask for; undefined when they name no server. */
export function debuginfodFrom(given: Arguments): Debuginfod | undefined {
  const options = debuginfodOptions(process.env, given.texts("debuginfod"), note);
  return options && new Debuginfod(options);
}

/**
 * Resolves, fetches what turned out to be missing, and resolves again, until nothing more arrives. It ends: a client
 * asks for each file once.
 *
 * @param reopen makes the next `resolve` look for files anew.
 */
export async function resolveAndFetch<T>(
  debuginfod: Debuginfod | undefined,
  resolve: () => T,
  reopen: () => void,
): Promise<T> {
  for (;;) {
    const answer = resolve();
    if (!debuginfod || (await debuginfod.fetchMissing()) === 0) return answer;
    reopen();
  }
}
