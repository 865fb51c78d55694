/**
 * Estimates from a sample, against the program's own ledger. How far an estimate may be off is not chosen: it follows
 * from the way of sampling, so that it is further off once in 500 million runs.
 */

import { describe, expect, test } from "vitest";
import { compileProgram, type JsonReport, startTarget, traceWith } from "../support/live.ts";
import { temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const WITHOUT_FRAME_POINTERS = ["-g", "-O2", "-fomit-frame-pointer", "-fno-optimize-sibling-calls"];
const TIMES = 200_000;

/** A row of the program's ledger. */
type Site = { name: string; size: number; allocated: number; kept: number };

/** Two sides of a normal distribution, beyond six standard deviations. */
const ONCE_IN_500_MILLION = 2e-9;
/** Blocks whose estimate is far from a normal distribution: large ones that are counted twice, or not at all, now and then. */
const FEW = 64;

/**
 * How many blocks the estimate for blocks of a size may be off: each is a sample with chance p = 1 - e^(-size/mean), and
 * then counts for 1/p, rounded up or down at random so that its mean is 1/p.
 */
function mostOff(size: number, mean: number, blocks: number): number {
  const p = 1 - Math.exp(-size / mean);
  const low = Math.floor(1 / p);
  const fraction = 1 / p - low;
  if (blocks > FEW) {
    const square = low * low * (1 - fraction) + (low + 1) * (low + 1) * fraction;
    return 6 * Math.sqrt(Math.max(0, p * square - 1) * blocks);
  }
  // By estimate: its chance, one block after another.
  let chances = [1];
  for (let block = 0; block < blocks; block++) {
    const next = new Array<number>(chances.length + low + 1).fill(0);
    for (const [estimate, chance] of chances.entries()) {
      next[estimate] += chance * (1 - p);
      next[estimate + low] += chance * p * (1 - fraction);
      next[estimate + low + 1] += chance * p * fraction;
    }
    chances = next;
  }
  const chanceBeyond = (off: number) =>
    chances.reduce((sum, chance, estimate) => (Math.abs(estimate - blocks) > off ? sum + chance : sum), 0);
  let off = 0;
  while (chanceBeyond(off) > ONCE_IN_500_MILLION) off++;
  return off;
}

/** Whatever the program prints when it is done is its ledger. */
async function sampleProgram(program: string, times: number, args: readonly string[]) {
  const target = await startTarget(compileProgram(folder, program, WITHOUT_FRAME_POINTERS), [`${times}`]);
  const trace = await traceWith(target.pid, args);
  target.go();
  const sites: Site[] = [];
  for (let line = await target.line(); line !== "done"; line = await target.line()) {
    const [name, ...numbers] = line.split(" ");
    const [size, allocated, kept] = numbers.map(Number);
    sites.push({ name, size, allocated, kept });
  }
  const reports = await trace.done();
  return { report: reports.at(-1) as JsonReport, sites };
}

function sample(mean: number, args: readonly string[] = []): Promise<{ report: JsonReport; sites: Site[] }> {
  return sampleProgram("samples", TIMES, ["--sample-bytes", `${mean}`, "--no-mmap", ...args]);
}

function estimateOf(report: JsonReport, { name, size }: Site) {
  const has = (symbol: string) => (stack: JsonReport["stacks"][number]) =>
    stack.frames.some((frame) => frame.symbol === symbol);
  // Of the two allocations of this site, the deeper one is meant.
  const symbol = name === "below_another" ? "deeper" : name;
  const stacks = report.stacks.filter(has(symbol));
  const sum = (field: "blocks" | "bytes" | "allocatedBlocks" | "allocatedBytes"): number =>
    stacks.reduce((total, stack) => total + stack[field], 0);
  // What realloc grows is allocated by malloc at first: 40 of 540 bytes.
  const share = name === "grown" ? 540 / size : 1;
  return { kept: sum("bytes") / size, allocated: sum("allocatedBytes") / size / share };
}

describe.each([4096, 524_288])("one sample in %d bytes", (mean) => {
  test("estimates what every call site has allocated and holds, within the sampling error", async () => {
    const { report, sites } = await sample(mean);
    expect(sites).toHaveLength(8);
    for (const site of sites) {
      const estimate = estimateOf(report, site);
      for (const [what, actual] of [
        ["allocated", site.allocated],
        ["kept", site.kept],
      ] as const) {
        // The smaller of two blocks in one has the larger deviation.
        const size = site.name === "grown" && what === "allocated" ? 40 : site.size;
        const allowed = mostOff(size, mean, actual) + 1e-9 * actual;
        expect(
          Math.abs(estimate[what] - actual),
          `${site.name}, ${what}: ${estimate[what]} of ${actual}`,
        ).toBeLessThanOrEqual(allowed);
      }
    }
  });
});

test("a block larger than 24 intervals is always counted, and exactly", async () => {
  const { report, sites } = await sample(4096);
  const huge = sites.find(({ name }) => name === "huge") as Site;
  expect(estimateOf(report, huge)).toEqual({ allocated: 64, kept: 8 });
});

test("with probes attached one by one, the estimates are the same", async () => {
  const { report, sites } = await sample(4096, ["--single-probes"]);
  const medium = sites.find(({ name }) => name === "medium") as Site;
  const estimate = estimateOf(report, medium);
  expect(Math.abs(estimate.kept - medium.kept)).toBeLessThan(mostOff(1000, 4096, medium.kept));
});

/**
 * Most calls of malloc leave no note of themselves when they are no samples. What runs inside them must be known for a
 * part of them all the same: here, malloc maps each block, and the mapping has the same chance to be drawn as the block.
 */
describe.each([[[]], [["--single-probes"]]])("sampling with %j", (args) => {
  const MEAN = 1 << 20;

  test("what malloc maps is never a sample of its own, what a signal handler maps is", async () => {
    const { report, sites } = await sampleProgram("sampled-inside", 2000, ["--sample-bytes", `${MEAN}`, ...args]);
    expect(sites).toHaveLength(7);
    const stacksOf = (site: string) =>
      report.stacks.filter(({ frames }) => frames.some(({ symbol }) => symbol === site));
    for (const { name, size, allocated, kept } of sites) {
      const isHeap = name.startsWith("from_");
      const stacks = stacksOf(name);
      const estimates = stacks.filter((stack) => stack.class === (isHeap ? "heap" : "mapping"));
      // Nothing of the other class: the rest is the same allocation, seen once more.
      expect(stacks.length, name).toBe(estimates.length);
      for (const [field, actual] of [
        ["allocatedBytes", allocated],
        ["bytes", kept],
      ] as const) {
        const blocks = estimates.reduce((sum, stack) => sum + stack[field], 0) / size;
        const allowed = mostOff(size, MEAN, actual) + 1e-9 * actual;
        expect(Math.abs(blocks - actual), `${name}, ${field}: ${blocks} of ${actual}`).toBeLessThanOrEqual(allowed);
      }
    }
  });
});
