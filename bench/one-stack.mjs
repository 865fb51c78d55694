/**
 * Resolving one stack of a program with 300 MB of debug information, cold: how much of the file is read, and the memory
 * that it takes, beside the tools that are installed.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { COMMAND, onPath, ROOT } from "../scripts/setup.mjs";
import { measure, table } from "./measure.mjs";

/** Units of debug information: see large-program.sh. */
const COPIES = 350;
const FUNCTIONS = ["alloc_v3", "alloc_v2", "alloc_v1", "main"];

export function benchOneStack() {
  const folder = mkdtempSync(join(tmpdir(), "leakline-bench-"));
  try {
    const program = join(folder, "large");
    execFileSync("sh", [join(ROOT, "bench", "large-program.sh"), program, String(COPIES)], { stdio: "inherit" });
    const addresses = FUNCTIONS.map((name) => `0x${addressOf(program, name)}`);
    const leakline = [COMMAND, "symbolize", "elf", "--path", program, ...addresses];
    const peers = [
      ["node -e 0", [process.execPath, "-e", "0"]],
      ["leakline symbolize elf", leakline],
      ["llvm-symbolizer --inlines", ["llvm-symbolizer", "--inlines", "-e", program, ...addresses]],
      ["addr2line -fiC", ["addr2line", "-fiC", "-e", program, ...addresses]],
      ["eu-addr2line -fi", ["eu-addr2line", "-fi", "-e", program, ...addresses]],
    ].filter(([, [command]]) => onPath(command));
    console.log(`\none stack of a program with ${megabytes(debugBytes(program))} MB of debug information, cold`);
    const rows = peers.flatMap(([name, [command, ...args]]) => {
      const result = measure(command, args, 3);
      return result ? [[name, result.seconds, result.megabytes]] : [];
    });
    table(["", "seconds", "peak MB"], rows);
    if (onPath("strace"))
      console.log(`leakline read ${megabytes(bytesRead(folder, program, leakline))} MB of the file`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function addressOf(program, name) {
  const symbols = execFileSync("nm", [program], { encoding: "utf8", maxBuffer: 1 << 28 });
  return new RegExp(`^([0-9a-f]+) [tT] ${name}$`, "m").exec(symbols)[1];
}

function debugBytes(program) {
  const sections = execFileSync("size", ["-A", program], { encoding: "utf8" });
  return [...sections.matchAll(/^\.debug_\w+ +(\d+)/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
}

/** What a command reads of one file, by strace. */
function bytesRead(folder, file, command) {
  const log = join(folder, "strace");
  spawnSync("strace", ["-f", "-y", "-o", log, "-e", "trace=read,pread64,readv,preadv", ...command]);
  const lines = readFileSync(log, "utf8").split("\n");
  return lines
    .filter((line) => line.includes(`<${file}>`))
    .reduce((sum, line) => sum + Number(/ = (\d+)$/.exec(line)?.[1] ?? 0), 0);
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
