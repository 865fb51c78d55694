/**
 * Where distributions keep a kernel's files: `vmlinux` with its debug information, and the modules.
 *
 * Debian has /usr/lib/debug/boot/vmlinux-RELEASE, Fedora /usr/lib/debug/lib/modules/RELEASE/vmlinux, a kernel built on
 * this machine /lib/modules/RELEASE/build/vmlinux. Modules are listed in modules.dep (depmod(8)), and where there is
 * none, as among debug files, they are looked for.
 */

import { type Dirent, readdirSync } from "node:fs";
import { join } from "node:path";
import { readSystemFile } from "../../process/proc-file.ts";

/** Paths where vmlinux may lie, most likely first. */
export function imagePaths(
  release: string,
  buildId: string | undefined,
  debugDirectories: readonly string[],
): string[] {
  const byBuildId = buildId === undefined ? [] : [`.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`];
  const inDebug = [
    ...byBuildId,
    `boot/vmlinux-${release}`,
    `boot/vmlinux-${release}.debug`,
    `lib/modules/${release}/vmlinux`,
    `lib/modules/${release}/vmlinux.debug`,
    `vmlinux-${release}`,
  ];
  return [
    ...debugDirectories.flatMap((directory) => inDebug.map((path) => join(directory, path))),
    `/lib/modules/${release}/build/vmlinux`,
    `/lib/modules/${release}/vmlinux`,
    `/boot/vmlinux-${release}`,
  ];
}

/** The folders that hold modules, those with debug information first. */
export function moduleDirectories(release: string, debugDirectories: readonly string[]): string[] {
  return [...debugDirectories, "/"].map((directory) => join(directory, "lib/modules", release));
}

/** A function from a module's name to the files that have it, in the order of the folders. Each is listed once. */
export function moduleFinder(directories: readonly string[]): (name: string) => string[] {
  const lists = directories.map((directory) => {
    let paths: Map<string, string[]> | undefined;
    return (name: string) => {
      paths ??= byModule(listModules(directory));
      return paths.get(name) ?? [];
    };
  });
  return (name) => lists.flatMap((list) => list(name));
}

/** `kernel/net/nf-tables.ko.xz` is module `nf_tables`. */
function byModule(paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    const name = path.slice(path.lastIndexOf("/") + 1, path.lastIndexOf(".ko")).replaceAll("-", "_");
    found.set(name, [...(found.get(name) ?? []), path]);
  }
  return found;
}

const MODULE = /\.ko(\.xz|\.zst|\.gz)?(\.debug)?$/;

function listModules(directory: string): string[] {
  let text: string;
  try {
    text = readSystemFile(join(directory, "modules.dep"), MAX_MODULES_DEP);
  } catch {
    return search(directory);
  }
  // A line is `path: paths that it depends on`.
  const paths = text.split("\n").map((line) => line.slice(0, line.indexOf(":")));
  return paths.filter((path) => MODULE.test(path)).map((path) => (path.startsWith("/") ? path : join(directory, path)));
}

/** Folder by folder; symbolic links are not followed, so that it ends. */
function search(directory: string): string[] {
  const found: string[] = [];
  const folders = [directory];
  for (let visited = 0; visited < folders.length && visited < MAX_FOLDERS; visited++) {
    let entries: Dirent[];
    try {
      entries = readdirSync(folders[visited], { withFileTypes: true });
    } catch {
      continue;
    }
    for (const entry of entries) {
      const path = join(folders[visited], entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (MODULE.test(entry.name)) found.push(path);
    }
  }
  return found;
}

/** A distribution's kernel has 4,000 modules in 1,000 folders; its modules.dep has 700 kB. */
const MAX_FOLDERS = 20_000;
const MAX_MODULES_DEP = 16 << 20;
