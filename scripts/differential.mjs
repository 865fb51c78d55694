/**
 * `npm run differential`: leakline beside llvm-symbolizer, addr2line and eu-addr2line, on random addresses.
 *
 *   --addresses N   of each large binary (45000: more than a million in all, some ten minutes); a seventh of small ones
 *   --seed N        to repeat a run
 *   --only TEXT     binaries whose name has it
 *   --show N        differences printed of each class and binary
 *   --cache DIR     where packages and programs are kept (~/.cache/leakline/differential, 1.5 GB)
 *   --index         compare leakline with itself, with and without an index on disk, instead
 *   --inspect       compare `leakline inspect` with readelf and dwarfdump instead
 */

import { runCompiled } from "./compiled.mjs";
import { build, checkNode, installDebianPackages, installNpmPackages, isInstalled, onPath } from "./setup.mjs";

checkNode();
installNpmPackages();
installDebianPackages({
  binutils: () => onPath("addr2line"),
  elfutils: () => onPath("eu-addr2line"),
  "llvm-19": () => onPath("llvm-symbolizer-19"),
  "libc6-dbg": () => isInstalled("libc6-dbg"),
  dwarfdump: () => onPath("dwarfdump"),
  gcc: () => onPath("gcc"),
  "g++": () => onPath("g++"),
  "clang-14": () => onPath("clang++-14"),
  "clang-19": () => onPath("clang++-19"),
  "lld-14": () => onPath("ld.lld-14"),
});
build();
const other = ["inspect", "index"].find((name) => process.argv.includes(`--${name}`));
await runCompiled("test/differential", other ? `${other}-main.ts` : "main.ts");
