/** Measuring whole commands: wall time and peak memory, through GNU time, the median of several runs. */

import { spawnSync } from "node:child_process";

/**
 * @returns median wall seconds and peak resident MB; undefined when the command cannot be run.
 */
export function measure(command, args, runs = 5, input = undefined) {
  const results = [];
  for (let i = 0; i < runs; i++) {
    const { status, stderr, error } = spawnSync("/usr/bin/time", ["-f", "%e %M", command, ...args], {
      encoding: "utf8",
      input,
      maxBuffer: 1 << 28,
    });
    if (error || status !== 0) return undefined;
    const [seconds, kilobytes] = stderr.trim().split("\n").at(-1).split(" ").map(Number);
    results.push({ seconds, megabytes: kilobytes / 1024 });
  }
  return { seconds: median(results.map((r) => r.seconds)), megabytes: median(results.map((r) => r.megabytes)) };
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
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toFixed(3);
}
