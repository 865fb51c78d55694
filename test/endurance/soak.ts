/** `node scripts/soak.mjs MINUTES`: what leakline itself uses beside a busy program, over time. Options: see there. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { compileTarget, startProgram, startTracer } from "./processes.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "3" },
    stacks: { type: "string", default: "4096" },
    libraries: { type: "string", default: "3" },
    interval: { type: "string", default: "1" },
  },
});

/** The parts of a report that are looked at; from the documentation of `--json`. */
type Report = {
  final: boolean;
  totals: { bytes: number; blocks: number; stacks: number };
  quality: { [name: string]: unknown };
};

/** Kilobytes, and how many. */
type Sample = { minutes: number; memory: number; files: number };

const SAMPLES = 60;
/** What comes before is warm-up: caches fill, and the stacks of the target are new. */
const WARM_UP = 1 / 3;

function sample(pid: number, minutes: number): Sample {
  const memory = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return { minutes, memory, files: readdirSync(`/proc/${pid}/fd`).length };
}

/** Of the straight line nearest to the samples (least squares), per minute; with its standard error. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): { slope: number; error: number } {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const x = samples.map(({ minutes }) => minutes);
  const y = samples.map(of);
  const [meanX, meanY] = [mean(x), mean(y)];
  const spread = x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
  const result = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i] - meanY), 0) / spread;
  const rest = x.reduce((sum, value, i) => sum + (y[i] - meanY - result * (value - meanX)) ** 2, 0);
  return { slope: result, error: Math.sqrt(rest / (x.length - 2) / spread) };
}

function losses({ quality }: Report): string {
  const counted = Object.entries(quality).filter(([, value]) => typeof value === "number" && value > 0);
  return counted.map(([name, value]) => `${name} ${value}`).join(", ") || "nothing dropped";
}

async function soak(folder: string, minutes: number): Promise<void> {
  const program = compileTarget(folder, "soak");
  const libraries = Array.from({ length: Number(values.libraries) }, (_, i) =>
    compileTarget(folder, "soak", ["-DLIBRARY", "-shared", "-fPIC"], `soak-${i}.so`),
  );
  const target = await startProgram(program, [values.threads, values.stacks, `${minutes * 30}`, ...libraries]);
  let last: Report | undefined;
  const tracer = startTracer(target.pid, ["-i", values.interval, "--json", "--no-mmap", "-n", "10"], (line) => {
    last = JSON.parse(line) as Report;
  });
  try {
    await tracer.attached;
    if (!tracer.isAttached()) throw new Error(tracer.stderr());
    target.child.stdin?.write("\n");
    const samples: Sample[] = [];
    const began = performance.now();
    console.log(" minutes  RSS kB  files  stacks      blocks  target");
    for (let i = 1; i <= SAMPLES; i++) {
      await setTimeout((minutes * 60_000 * i) / SAMPLES - (performance.now() - began));
      const now = sample(tracer.pid, (performance.now() - began) / 60_000);
      samples.push(now);
      const { stacks = 0, blocks = 0 } = last?.totals ?? {};
      const row = [now.minutes.toFixed(2).padStart(8), String(now.memory).padStart(7), String(now.files).padStart(6)];
      console.log([...row, String(stacks).padStart(7), String(blocks).padStart(11), await target.ask()].join(" "));
    }
    target.child.stdin?.end();
    const own = await target.line();
    tracer.child.kill("SIGTERM");
    const code = await tracer.ended;
    if (code !== 0 || !last?.final) throw new Error(`leakline ended with ${code}: ${tracer.stderr()}`);

    const settled = samples.filter((one) => one.minutes > minutes * WARM_UP);
    const memory = slope(settled, (one) => one.memory);
    const files = slope(settled, (one) => one.files);
    const all = settled.map((one) => one.memory);
    console.log(`after the first third: RSS ${Math.min(...all)} to ${Math.max(...all)} kB`);
    console.log(
      `slope: ${memory.slope.toFixed(1)} ± ${memory.error.toFixed(1)} kB/min, ${files.slope.toFixed(2)} files/min`,
    );
    console.log(`target: ${own}`);
    console.log(`leakline: outstanding ${last.totals.blocks} ${last.totals.bytes}; ${losses(last)}`);
    console.log(`stderr: ${tracer.stderr().trimEnd().split("\n").slice(-5).join("\n        ")}`);
  } finally {
    tracer.child.kill("SIGKILL");
    target.child.kill("SIGKILL");
  }
}

const minutes = Number(positionals[0] ?? 3);
if (!(minutes > 0)) throw new Error("usage: node scripts/soak.mjs MINUTES");
const folder = mkdtempSync(join(tmpdir(), "leakline-soak-"));
try {
  await soak(folder, minutes);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
