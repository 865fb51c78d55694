/** What a newcomer sees first. */

import { spawnSync } from "node:child_process";
import { readdirSync, truncateSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { addr2line, nmFunction } from "../support/address-oracle.ts";
import { type JsonReport, leakline, ROOT } from "../support/live.ts";
import { needTools } from "../support/oracle.ts";
import { temporaryDirectory } from "../support/programs.ts";
import { installFor, runAsNobody } from "../support/unprivileged.ts";

const LEAK = [
  / {2}0 \[<[0-9a-f]{16}>\] alloc_v3\+0x[0-9a-f]+ test_memleak\.c:8\n/,
  / {2}1 \[<[0-9a-f]{16}>\] alloc_v2\+0x[0-9a-f]+ test_memleak\.c:15\n/,
  / {2}2 \[<[0-9a-f]{16}>\] alloc_v1\+0x[0-9a-f]+ test_memleak\.c:22\n/,
  / {2}3 \[<[0-9a-f]{16}>\] main\+0x[0-9a-f]+ test_memleak\.c:35\n/,
].map((row) => row.source);
const STACK = `stack_id=0x[0-9a-f]+ with outstanding allocations: total_size=\\d+ nr_allocs=\\d+\\n${LEAK.join("")}`;
const REPORT = new RegExp(`^\\[\\d\\d:\\d\\d:\\d\\d\\] test_memleak \\(\\d+\\).*\\n${STACK}`, "gm");
const FINAL = new RegExp(`^\\[\\d\\d:\\d\\d:\\d\\d\\] final report, test_memleak \\(\\d+\\).*\\n${STACK}`, "gm");

test("npm run demo prints two reports and a final one, each with the leak's lines, and ends by itself", () => {
  const { stdout, status } = spawnSync("npm", ["run", "--silent", "demo"], { cwd: ROOT, encoding: "utf8" });
  expect(status).toBe(0);
  expect(stdout.match(REPORT)?.length).toBeGreaterThanOrEqual(2);
  expect(stdout.match(FINAL)).toHaveLength(1);
});

test("without privilege, it says what is missing and how to mend it, and replays a recording", (context) => {
  needTools(context, "setpriv");
  const main = installFor(temporaryDirectory());
  const { stdout, stderr, status } = runAsNobody([process.execPath, main, "demo"]);
  expect(status).toBe(0);
  expect(stderr).toMatch(/this machine cannot trace:\n(.*\n)*? {2}privilege.*→ .*sudo/);
  expect(stdout).toMatch(/^REPLAY: /);
  expect(stdout.match(FINAL)).toHaveLength(1);
});

test("where the kernel refuses the program, it says why and replays", () => {
  const folder = temporaryDirectory();
  const main = installFor(folder);
  for (const name of readdirSync(join(folder, "bpf")).filter((file) => file.endsWith(".bpf.o"))) {
    truncateSync(join(folder, "bpf", name), 100);
  }
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, "demo"], { encoding: "utf8" });
  expect(status).toBe(0);
  expect(stderr).toMatch(/this machine cannot trace:\n {2}.*bpf\.o/);
  expect(stdout).toMatch(/^REPLAY: /);
});

test("the replay agrees with addr2line and nm over the program that ships with it", () => {
  const { stdout, stderr, code } = leakline(["demo", "--replay", "--json"]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/REPLAY: /);
  const report = JSON.parse(stdout) as JsonReport;
  const [{ bytes, blocks, frames }] = report.stacks;
  // Four bytes a time, twice a second, for eight seconds.
  expect(blocks).toBeGreaterThanOrEqual(10);
  expect(bytes).toBe(4 * blocks);
  const own = frames.filter(({ module }) => basename(module ?? "") === "test_memleak");
  expect(own.map(({ symbol }) => symbol)).toEqual(["alloc_v3", "alloc_v2", "alloc_v1", "main", "_start"]);
  for (const { module, moduleAddress, symbol, offset, file, line } of own) {
    const program = join(ROOT, "demo", "replay", "root", module ?? "");
    const address = Number(moduleAddress);
    // The C library's start-up code was compiled without -g.
    if (symbol !== "_start") expect({ symbol, file, line }).toEqual(addr2line(program, address - 1));
    expect({ names: [symbol], offset }).toEqual(nmFunction(program, address));
  }
});
