/**
 * Whole stacks, and the right ones: programs without frame pointers under real work, traced by leakline while perf
 * samples their stacks for its own, DWARF unwinder. For each program: how many stacks reach the start of their thread,
 * why the others do not, and whether each stack that perf saw was recorded, frame by frame. Needs root.
 *
 *   --seconds N         how long each program is sampled
 *   --rate N            samples a second
 *   --only TEXT         programs whose name has it
 *   --show N            differences, and reasons for short stacks, printed of each program
 *   --frame-pointers    let leakline walk by frame pointers, to see the difference
 */

import { runCompiled } from "./compiled.mjs";
import { build, checkNode, installDebianPackages, installNpmPackages, onPath } from "./setup.mjs";

checkNode();
installNpmPackages();
installDebianPackages({
  binutils: () => onPath("nm"),
  "linux-perf": () => onPath("perf"),
  gcc: () => onPath("gcc"),
  "g++": () => onPath("g++"),
  "clang-14": () => onPath("clang++-14"),
  rustc: () => onPath("rustc"),
  "redis-server": () => onPath("redis-server"),
  "redis-tools": () => onPath("redis-benchmark"),
  nginx: () => onPath("nginx"),
});
build();
await runCompiled("test/stacks", "main.ts");
