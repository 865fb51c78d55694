/**
 * A path as a process with another root directory would follow it: a container, a sysroot.
 *
 * Left to the kernel, an absolute symbolic link below that root would lead out of it, to a file of this machine that
 * has nothing to do with the one that is meant. So links are followed here, one by one (path_resolution(7)).
 */

import { readlinkSync } from "node:fs";
import { posix } from "node:path";

/** As the kernel's MAXSYMLINKS (include/linux/namei.h). */
const MAX_LINKS = 40;

/**
 * Where `path` is below `root`, all symbolic links followed. What does not exist is left as it stands, for the one who
 * opens it to report.
 *
 * @param root directory on this machine; empty for `/` itself, which the kernel follows as well as we do.
 * @returns undefined when links lead in a circle.
 */
export function insideRoot(root: string, path: string): string | undefined {
  if (root === "") return posix.normalize(path);
  const waiting = partsOf(path).reverse();
  const done: string[] = [];
  let links = 0;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (part === "..") {
      done.pop();
      continue;
    }
    done.push(part);
    const target = tryReadLink(`${root}/${done.join("/")}`);
    if (target === undefined) continue;
    if (++links > MAX_LINKS) return undefined;
    done.pop();
    if (target.startsWith("/")) done.length = 0;
    waiting.push(...partsOf(target).reverse());
  }
  return `${root}/${done.join("/")}`;
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function tryReadLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
