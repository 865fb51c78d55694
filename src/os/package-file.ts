/** Files that ship with the package, beside its code. */

import { fileURLToPath } from "node:url";

/**
 * The path of a file of this package. The only place that depends on where code lies: two folders below the package, as a
 * source in `src/os/` and as a part of the bundle in `dist/cli/`.
 *
 * @param path from the package's folder, such as `bpf/memleak.x86_64.bpf.o`.
 */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** A file with our code. It is written anew, with all others, each time that the package is built. */
export function codeFile(): string {
  return fileURLToPath(import.meta.url);
}
