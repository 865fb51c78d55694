/** One program under leakline and perf at once: from its start to the figures. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { openLocalRecording } from "../../src/symbolize/local/local-recording.ts";
import type { Symbolizer } from "../../src/symbolize/symbolizer.ts";
import { type Comparison, compareStacks } from "./compare.ts";
import { takePerfSamples } from "./perf-samples.ts";
import { measureShare, type StackShare } from "./share.ts";
import type { TargetKind } from "./targets.ts";

export type Plan = {
  seconds: number;
  /** Stacks that perf samples a second. */
  rate: number;
  /** Further arguments for `leakline record`. */
  options: readonly string[];
};

export type Measured = {
  share: StackShare;
  comparison: Comparison;
  /** Samples of perf in calls that are part of another. */
  nested: number;
  /** Names of a stack's frames, innermost first, for people. */
  describe(addresses: readonly bigint[]): string[];
};

/** What a user runs. */
const MAIN = join("dist", "cli", "main.js");

/** @param folder an empty folder for what this writes. */
export async function measureTarget(kind: TargetKind, folder: string, plan: Plan): Promise<Measured> {
  const target = await kind.start(folder);
  try {
    const path = join(folder, "stacks.rec");
    const recorder = await startRecorder(target.pid, path, plan.options);
    target.begin();
    await setTimeout(500);
    const { stacks, nested } = await takePerfSamples(target.pid, folder, plan.seconds, plan.rate);
    await recorder.stop();
    const { recording, symbolizer } = openLocalRecording(path);
    const pid = target.pid;
    const describe = (addresses: readonly bigint[]): string[] =>
      describeStack(symbolizer, pid, recording.time ?? 0, addresses);
    const share = measureShare(recording, symbolizer);
    return { share, comparison: compareStacks(stacks, recording), nested, describe };
  } finally {
    await target.end();
  }
}

async function startRecorder(
  pid: number,
  path: string,
  options: readonly string[],
): Promise<{ stop(): Promise<void> }> {
  const args = [MAIN, "record", "-p", String(pid), "-o", path, "-i", "1", "--max-stacks", "262144", ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const exit = once(child, "exit");
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (text) => {
      said += text;
      if (said.includes("Ctrl-C ends")) resolve();
    });
    child.once("exit", () => reject(new Error(`leakline ended: ${said}`)));
  });
  return {
    async stop() {
      child.kill("SIGTERM");
      const [code] = await exit;
      if (code !== 0 || !existsSync(path)) throw new Error(`leakline ended with ${code}: ${said}`);
    },
  };
}

function describeStack(symbolizer: Symbolizer, pid: number, addresses: readonly bigint[]): string[] {
  return symbolizer.resolveAll(pid, addresses, true).map((frames) => {
    const { address, symbol, module, moduleAddress } = frames.at(-1)!;
    const place = moduleAddress === undefined ? "" : ` 0x${moduleAddress.toString(16)}`;
    return `0x${address.toString(16)} ${symbol ?? "?"} (${module?.split("/").at(-1) ?? "no file"}${place})`;
  });
}
