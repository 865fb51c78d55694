/** Resolving one address in files of this machine, cold, beside the tools that are installed. */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { onPath, ROOT } from "../scripts/setup.mjs";
import { measure, table } from "./measure.mjs";

const MAIN = join(ROOT, "dist", "cli", "main.js");
const LIBC = "/lib/x86_64-linux-gnu/libc.so.6";

export function benchSymbolizing() {
  const address = `0x${mallocAddress()}`;
  const debugFile = debugFileOf(LIBC);
  const peers = [
    ["node -e 0", [process.execPath, ["-e", "0"]]],
    ["leakline symbolize elf", [process.execPath, [MAIN, "symbolize", "elf", "--path", LIBC, address]]],
    ["llvm-symbolizer --inlines", ["llvm-symbolizer", ["--inlines", "-e", LIBC, address]]],
    ["addr2line -fiC", ["addr2line", ["-fiC", "-e", debugFile ?? LIBC, address]]],
    ["eu-addr2line -fi", ["eu-addr2line", ["-fi", "-e", LIBC, address]]],
  ].filter(([, [command]]) => existsSync(command) || onPath(command));
  const rows = peers.flatMap(([name, [command, args]]) => {
    const result = measure(command, args);
    return result ? [[name, result.seconds, result.megabytes]] : [];
  });
  console.log(`\none address of libc (${debugFile ? "with" : "without"} its debug file), cold: median of 5 runs`);
  table(["", "seconds", "peak MB"], rows);
}

function mallocAddress() {
  const symbols = execFileSync("nm", ["-D", LIBC], { encoding: "utf8" });
  return /^([0-9a-f]+) T malloc@@/m.exec(symbols)[1];
}

function debugFileOf(path) {
  const notes = execFileSync("readelf", ["-n", path], { encoding: "utf8" });
  const id = /Build ID: ([0-9a-f]+)/.exec(notes)?.[1] ?? "";
  const file = `/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
  return existsSync(file) ? file : undefined;
}
