/** Measuring whole commands: wall time, and through GNU time CPU time and peak memory; the median of several runs. */

import { spawnSync } from "node:child_process";

/** As `measureByTurns`, one command. */
export function measure(command, args, runs = 5, input = undefined, timeout = 60) {
  return measureByTurns([{ command, args, input }], runs, timeout)[0];
}

/**
 * Runs each command once, then each once more, and so on: what else the machine does then meets all of them alike.
 *
 * @param commands `{ command, args, input }` each: what it reads from stdin, if anything. What they print is thrown away.
 * @param timeout seconds after which a command is given up.
 * @returns for each, median wall seconds, CPU seconds and peak resident MB; undefined when it fails or takes too long.
 */
export function measureByTurns(commands, runs, timeout) {
  const results = commands.map(() => []);
  for (let run = 0; run < runs; run++)
    for (const [i, command] of commands.entries()) {
      const last = results[i].at(-1);
      // A slow one is measured once: the next ones wait for it.
      if (run === 0 || (last && last.seconds <= 5)) results[i].push(runOnce(command, timeout));
    }
  return results.map((each) => {
    if (each.includes(undefined)) return undefined;
    const middle = (name) => median(each.map((result) => result[name]));
    return { seconds: middle("seconds"), cpu: middle("cpu"), megabytes: middle("megabytes") };
  });
}

function runOnce({ command, args, input }, timeout) {
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
  const seconds = (performance.now() - start) / 1000;
  const [user, system, kilobytes] = stderr.trim().split("\n").at(-1).split(" ").map(Number);
  return { seconds, cpu: user + system, megabytes: kilobytes / 1024 };
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
