/** `node scripts/other-kernels.mjs [NAME…] [--keep DIR]` */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { EXPECTED_ACCOUNT } from "../live/expected-account.ts";
import { boot, type Guest, kernelVersion, prepareRamDisk } from "./boot.ts";
import { buildGuestRoot, GUEST_FOLDER } from "./guest-root.ts";
import { MACHINES, type Machine } from "./machines.ts";
import { DebianPackages } from "./packages.ts";

/** One line of guest.mjs. */
type Result = { kernel: string; program: string; printed: string[]; report: string; stderr: string };
type Report = {
  stacks: { bytes: number; blocks: number; frames: { symbol?: string }[] }[];
  quality: { [name: string]: unknown };
};

/** Operations of each of four threads. */
const OPERATIONS = 20_000;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: "string" } } });
const scratch = mkdtempSync(join(tmpdir(), "leakline-kernels-"));
const keep = resolve(values.keep ?? join(scratch, "keep"));
mkdirSync(keep, { recursive: true });
try {
  for (const machine of MACHINES)
    if (positionals.length === 0 || positionals.includes(machine.name)) await check(machine);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check(machine: Machine): Promise<void> {
  const guest = prepare(machine);
  const node = `/opt/node/bin/node ${GUEST_FOLDER}/guest.mjs`;
  const ramDisk = prepareRamDisk(guest, [`${node} account`, `${node} threads ${OPERATIONS}`]);
  const seen = new Set<string>();
  for await (const line of boot(guest, ramDisk)) {
    // The first line of the console begins with what the firmware has printed.
    const start = line.indexOf('{"kernel"');
    if (start < 0) continue;
    const result = JSON.parse(line.slice(start)) as Result;
    seen.add(result.program);
    const wrong = compare(machine, result);
    console.log(
      `${machine.name}, Linux ${result.kernel}, ${result.program}: ${wrong.length === 0 ? "right" : "WRONG"}`,
    );
    for (const line of wrong) console.log(`  ${line}`);
    if (wrong.length > 0) process.exitCode = 1;
  }
  if (seen.size === 2) return;
  console.log(`${machine.name}: only ${seen.size} of 2 programs ran`);
  process.exitCode = 1;
}

function prepare(machine: Machine): Guest {
  const folder = join(scratch, machine.name);
  const packages = new DebianPackages(keep, machine.debian);
  const guest = { machine, scratch: folder, kernel: join(folder, "kernel"), root: join(folder, "root") };
  packages.unpack([packages.dependencyOf(machine.kernel)], guest.kernel);
  console.error(`${machine.name}: booting ${kernelVersion(guest.kernel)}`);
  buildGuestRoot(machine, packages, ["account", "threads"], keep, guest.root);
  return guest;
}

/** What is not as the program says; one line each. */
function compare({ debian }: Machine, { program, printed, report, stderr }: Result): string[] {
  if (report === "") return [`no report: ${stderr}`];
  const { stacks, quality } = JSON.parse(report) as Report;
  const expected =
    program === "account"
      ? Object.entries(EXPECTED_ACCOUNT)
      : printed.map((line) => {
          const [site, bytes, blocks] = line.split(" ");
          return [site, [Number(bytes), Number(blocks)]] as const;
        });
  const wrong = expected.flatMap(([symbol, amounts]) => {
    const own = stacks.filter(({ frames }) => frames.some((frame) => frame.symbol === symbol));
    const sum = (of: "bytes" | "blocks"): number => own.reduce((total, stack) => total + stack[of], 0);
    const found = [sum("bytes"), sum("blocks")];
    return found.join() === amounts.join() ? [] : [`${symbol}: ${found.join(", ")} instead of ${amounts.join(", ")}`];
  });
  if (expected.length < 8) wrong.push(`the program printed only ${printed.length} lines`);
  for (const name of ["droppedBlocks", "droppedStacks", "droppedThreads", "missedFrees", "abandonedCalls"])
    if (quality[name] !== 0) wrong.push(`${name}: ${quality[name]}`);
  // libc has no frame pointers everywhere: only by tables are all stacks whole.
  const ends = Object.keys(quality.stackEnds ?? {});
  if (debian === "amd64" && ends.join() !== "end") wrong.push(`stacks end by ${ends.join(", ")}`);
  return wrong;
}
