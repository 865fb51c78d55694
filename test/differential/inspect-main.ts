/**
 * `npm run differential -- --inspect`: all rows of `leakline inspect` over real libraries.
 */

import { homedir } from "node:os";
import { join } from "node:path";
import { installedLibc } from "./binaries.ts";
import { compareRows, type Kind } from "./inspect.ts";
import { DEBIAN_PACKAGES, packageFiles } from "./packages.ts";

const cacheFolder = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const cache = join(cacheFolder, "leakline", "differential");
const libc = installedLibc();
const libstdcxx = packageFiles(cache, DEBIAN_PACKAGES[0])[0];

const WANTED: [kind: Kind, name: string, path: string, debugPath: string][] = [
  ["symbols", "libstdc++", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"],
  ["symbols", "node", process.execPath, process.execPath],
  ["symbols", "libstdc++ -O0", libstdcxx, libstdcxx],
  ["functions", "libstdc++ -O0", libstdcxx, libstdcxx],
  ["lines", "libstdc++ -O0", libstdcxx, libstdcxx],
];
if (libc) {
  const { path, debugPath } = libc;
  WANTED.unshift(["symbols", "libc", path, path], ["symbols", "libc's debug file", debugPath, debugPath]);
  WANTED.push(["functions", "libc", path, debugPath], ["lines", "libc", path, debugPath]);
}

console.log(["inspect", "file".padEnd(20), "rows".padStart(9), "missing", "extra", "different"].join("\t"));
for (const [kind, name, path, debugPath] of WANTED) {
  const { rows, missing, extra, different } = await compareRows(kind, path, debugPath);
  const counts = [missing.length, extra.length, different.length];
  console.log([kind, name.padEnd(20), String(rows).padStart(9), ...counts].join("\t"));
  for (const row of [...missing.slice(0, 3), ...extra.slice(0, 3), ...different.slice(0, 3)]) console.log(`  ${row}`);
}
