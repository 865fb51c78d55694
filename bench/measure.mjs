/** Measuring whole commands: wall time, and through GNU time CPU time and peak memory; the median of several runs. */

import { spawnSync } from "node:child_process";

/**
 * @param input what the command reads from stdin; what it prints is thrown away.
 * @param timeout seconds after which it is given up.
 * @returns median wall seconds, CPU seconds and peak resident MB; undefined when the command fails or takes too long.
 */
export function measure(command, args, runs = 5, input = undefined, timeout = 60) {
  const results = [];
  for (let i = 0; i < runs; i++) {
    const timed = ["-f", "%U %S %M", "timeout", String(timeout), command, ...args];
    const start = performance.now();
    const { status, stderr, error } = spawnSync("/usr/bin/time", timed, {
      encoding: "utf8",
      input,
      stdio: [input === undefined ? "ignore" : "pipe", "ignore", "pipe"],
      maxBuffer: 1 << 28,
    });
    // EPIPE: a command that does not read all of its input.
    if ((error && error.code !== "EPIPE") || status !== 0) return undefined;
    // Of GNU time, hundredths of a second: too few for what starts quickly.
    const wall = (performance.now() - start) / 1000;
    const [user, system, kilobytes] = stderr.trim().split("\n").at(-1).split(" ").map(Number);
    results.push({ seconds: wall, cpu: user + system, megabytes: kilobytes / 1024 });
    // A slow one is measured once: the next ones wait for it.
    if (wall > 5) break;
  }
  const middle = (name) => median(results.map((result) => result[name]));
  return { seconds: middle("seconds"), cpu: middle("cpu"), megabytes: middle("megabytes") };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Prints rows as columns; numbers to the right. */
export function table(heading, rows) {
  const all = [heading, ...rows].map((row) => row.map((cell) => (typeof cell === "number" ? format(cell) : cell)));
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  for (const row of all) {
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
}

function format(value) {
  if (Number.isNaN(value)) return "failed";
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}
