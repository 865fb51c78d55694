/**
 * Binaries from Debian's packages of debug information, downloaded into a cache folder and unpacked there, never
 * installed. Their files have everything but the code itself: symbols, section headers, DWARF.
 */

import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";

export type DebianPackage = {
  name: string;
  /** How many of its files are compared: the largest ones. */
  files: number;
  /** What it is an example of. */
  what: string;
};

/** In all: C and C++, DWARF 4 and 5, with and without dwz, -O0 to -O3, LTO; from 2 to 650 MB of debug information. */
export const DEBIAN_PACKAGES: readonly DebianPackage[] = [
  { name: "libstdc++6-12-dbg", files: 1, what: "C++ -O0, and the usual library's -O2 with dwz" },
  { name: "libpython3.11-dbg", files: 1, what: "C, -Og" },
  { name: "python3.11-dbg", files: 3, what: "C, LTO with profile" },
  { name: "openjdk-17-dbg", files: 1, what: "C++ -O3, libjvm" },
  { name: "librados2-dbg", files: 2, what: "C++17, Boost" },
  { name: "valgrind-dbg", files: 2, what: "C, static" },
  { name: "libmonosgen-2.0-1-dbg", files: 1, what: "C, without dwz" },
  { name: "syslog-ng-dbg", files: 1, what: "C" },
  { name: "libkrb5-dbg", files: 1, what: "C" },
  { name: "libgsl-dbg", files: 1, what: "C, numerical" },
  { name: "graphicsmagick-dbg", files: 2, what: "C and C++" },
  { name: "libitpp8v5-dbg", files: 1, what: "C++ templates" },
  { name: "coinor-libipopt1v5-dbg", files: 1, what: "C++, without dwz" },
];

/** Downloads and unpacks the package unless that was done before; its largest files with debug information. */
export function packageFiles(cache: string, { name, files }: DebianPackage): string[] {
  const folder = join(cache, "packages", name);
  if (!existsSync(folder)) {
    const downloads = join(cache, "downloads");
    mkdirSync(downloads, { recursive: true });
    execFileSync("apt-get", ["download", "-qq", name], { cwd: downloads, stdio: ["ignore", "ignore", "ignore"] });
    const file = readdirSync(downloads).find((entry) => entry.startsWith(`${name}_`));
    if (file === undefined) throw new Error(`apt-get download ${name} brought nothing`);
    mkdirSync(join(cache, "packages"), { recursive: true });
    execFileSync("dpkg-deb", ["-x", join(downloads, file), folder]);
  }
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => isLinked(path) && !basename(path).endsWith(".o"))
    .sort((a, b) => statSync(b).size - statSync(a).size)
    .slice(0, files);
}

/** Whether it is an ELF file of type ET_EXEC or ET_DYN; the byte at 16 has the type in little-endian files. */
function isLinked(path: string): boolean {
  const bytes = new Uint8Array(18);
  const file = openSync(path, "r");
  readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  return bytes[0] === 0x7f && bytes[1] === 0x45 && (bytes[16] === 2 || bytes[16] === 3);
}
