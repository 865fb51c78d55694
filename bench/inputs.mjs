/** Files with debug information to measure with: distribution packages, and programs compiled here. */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { onPath, ROOT } from "../scripts/setup.mjs";

/** Yields `{ name, file }`; what is not installed is said on the way. */
export function* prepareInputs(folder, only) {
  for (const { name, find, mend } of inputs(folder)) {
    if (!name.includes(only)) continue;
    const file = find();
    if (file) yield { name, file };
    else console.log(`\n${name}: skipped. ${mend}`);
  }
}

function inputs(folder) {
  const ceph = () => debugFileOf("/usr/bin/ceph-osd");
  return [
    {
      name: "vmlinux",
      find: findVmlinux,
      mend: "apt-get install linux-image-amd64-dbg, or the -dbg package of any kernel",
    },
    { name: "ceph-osd as shipped", find: ceph, mend: "apt-get install ceph-osd ceph-osd-dbg" },
    {
      name: "ceph-osd, not compressed",
      find: () => converted(ceph(), folder, "--decompress-debug-sections"),
      mend: "apt-get install ceph-osd ceph-osd-dbg",
    },
    { name: "libjvm", find: findLibjvm, mend: "apt-get install openjdk-17-jre-headless openjdk-17-dbg" },
    {
      name: "libpython3.11d",
      find: () => firstOf("/usr/lib/x86_64-linux-gnu/libpython3.11d.so.1.0"),
      mend: "apt-get install libpython3.11-dbg",
    },
    {
      name: "libpython3.11d, -gz",
      find: () =>
        converted(firstOf("/usr/lib/x86_64-linux-gnu/libpython3.11d.so.1.0"), folder, "--compress-debug-sections=zlib"),
      mend: "apt-get install libpython3.11-dbg",
    },
    {
      name: "libstdc++",
      // Debian's package is another build, with its debug information in it.
      find: () => firstOf("/usr/lib/x86_64-linux-gnu/debug/libstdc++.so.6"),
      mend: "apt-get install libstdc++6-12-dbg",
    },
    { name: "a Rust program", find: () => compileRust(folder), mend: "install rustc" },
    { name: "split DWARF", find: () => compileSplit(folder), mend: "apt-get install g++" },
  ];
}

function firstOf(...paths) {
  return paths.find((path) => existsSync(path));
}

function findVmlinux() {
  const folders = ["/usr/lib/debug/boot", "/usr/lib/debug/lib/modules"];
  for (const folder of folders.filter((path) => existsSync(path)))
    for (const name of readdirSync(folder)) {
      const found = firstOf(
        join(folder, name, "vmlinux"),
        ...(name.startsWith("vmlinux-") ? [join(folder, name)] : []),
      );
      if (found) return found;
    }
  return undefined;
}

function findLibjvm() {
  return debugFileOf("/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so");
}

/** The separate debug file of a binary, by build ID. */
function debugFileOf(path) {
  if (!existsSync(path)) return undefined;
  const notes = execFileSync("readelf", ["-n", path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const id = /Build ID: ([0-9a-f]+)/.exec(notes)?.[1] ?? "";
  return firstOf(`/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`);
}

function converted(file, folder, option) {
  if (!file || !onPath("objcopy")) return undefined;
  const copy = join(folder, `converted${option}`);
  execFileSync("objcopy", [option, file, copy]);
  return copy;
}

function compileRust(folder) {
  if (!onPath("rustc")) return undefined;
  const program = join(folder, "rust");
  execFileSync("rustc", ["-g", "-O", "-o", program, join(ROOT, "bench", "words.rs")]);
  return program;
}

/** The compiler leaves the .dwo file beside the program, with the path as the program names it. */
function compileSplit(folder) {
  if (!onPath("g++")) return undefined;
  const program = join(folder, "split");
  const source = join(ROOT, "bench", "words.cc");
  execFileSync("g++", ["-g", "-O2", "-gsplit-dwarf", "-o", program, source], { cwd: folder });
  return program;
}
