/**
 * The pure core in a browser: bundled with the page in test/browser/, run by headless Chromium, on files of any size,
 * beside other symbolizers.
 */

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build, type Plugin } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Answer } from "../browser/messages.ts";
import { installedLibc } from "../differential/binaries.ts";
import { type Browser, type Page, startBrowser } from "../support/chromium.ts";
import { ROOT } from "../support/live.ts";
import { run } from "../support/oracle.ts";
import { hasTool, presentInCi, temporaryDirectory } from "../support/programs.ts";
import { readelfSections } from "../support/readelf.ts";
import { llvmFrames, type PeerFrame, peerFrames } from "../support/symbolize-files.ts";

const LLVM = "llvm-symbolizer-19";
const folder = temporaryDirectory();

/** Bundles for a browser. @returns what src/ imports from outside itself: Node's modules, packages. */
async function bundle(root: string, outDir: string): Promise<string[]> {
  const foreign: string[] = [];
  const watch = (): Plugin => ({
    name: "watch",
    enforce: "pre",
    resolveId(id, importer) {
      if (importer?.startsWith(join(ROOT, "src")) && !id.startsWith(".")) foreign.push(id);
    },
  });
  const worker = { format: "es", plugins: () => [watch()] } as const;
  await build({ root, build: { outDir, emptyOutDir: true }, plugins: [watch()], worker, logLevel: "error" });
  return foreign;
}

test("the check for foreign modules sees Node's", async () => {
  const root = join(folder, "with-node");
  execFileSync("mkdir", [root]);
  writeFileSync(join(root, "index.html"), `<script type="module" src="page.ts"></script>`);
  writeFileSync(join(root, "page.ts"), `new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });`);
  writeFileSync(join(root, "worker.ts"), `export * from ${JSON.stringify(join(ROOT, "src/symbolize/index.ts"))};`);
  expect(await bundle(root, join(root, "out"))).toContain("node:fs");
});

const tools = [LLVM, "addr2line", "gcc"].every((tool) => hasTool(tool)) && hasTool("chromium");

describe.skipIf(!tools)("the page", () => {
  let server: Server;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const site = join(folder, "site");
    expect(await bundle(join(ROOT, "test", "browser"), site)).toEqual([]);
    server = createServer(({ url = "/" }, response) => {
      const path = url === "/" ? "/index.html" : url;
      response.setHeader("content-type", path.endsWith(".js") ? "text/javascript" : "text/html");
      response.end(readFileSync(join(site, path)));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    browser = startBrowser();
    page = await browser.open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  type Result = { answer: Extract<Answer, { kind: "frames" }>; turns: { count: number; longest: number } };

  async function symbolize(files: string[], addresses: readonly number[]): Promise<Result> {
    await page.chooseFiles("#files", files);
    return page.evaluate<Result>(`new Promise((done) => {
      document.getElementById("addresses").value = "${addresses.map((address) => address.toString(16)).join(" ")}";
      document.getElementById("go").click();
      const timer = setInterval(() => {
        if (!lastAnswer) return;
        clearInterval(timer);
        done(lastAnswer);
      }, 20);
    })`);
  }

  /** Compares where both peers say the same and know the line. @returns how many addresses that were. */
  function compare(debugPath: string, addresses: readonly number[], { answer }: Result): number {
    expect(answer.kind, JSON.stringify(answer).slice(0, 200)).toBe("frames");
    const ours = answer.frames.map((frames) => comparable(peerFrames(frames)));
    const llvm = llvmFrames(debugPath, addresses.map(hex), LLVM).map(comparable);
    const gnu = addr2lineFrames(debugPath, addresses).map(comparable);
    const agreed = addresses.flatMap((_, i) => (llvm[i] === gnu[i] && !/\?\?|:0$/m.test(llvm[i]) ? [i] : []));
    expect(agreed.map((i) => `${hex(addresses[i])}\n${ours[i]}`)).toEqual(
      agreed.map((i) => `${hex(addresses[i])}\n${llvm[i]}`),
    );
    return agreed.length;
  }

  test("answers for the C library and its debug file, which is compressed", async (context) => {
    const libc = installedLibc();
    if (!presentInCi(libc !== undefined, "libc6-dbg") || !libc) return context.skip("libc6-dbg is not installed");
    const addresses = spread(libc.path, 500);
    const result = await symbolize([libc.debugPath, libc.path], addresses);
    expect(compare(libc.debugPath, addresses, result)).toBeGreaterThan(300);
    expect(result.answer.frames.some((frames) => frames.length > 2)).toBe(true);
  });

  test("answers for C++, whose names are mangled", async () => {
    const program = join(folder, "templates");
    execFileSync("g++", ["-g", "-O2", join(ROOT, "test/live/programs/templates.cc"), "-o", program, "-pthread"]);
    const addresses = spread(program, 300);
    const result = await symbolize([program], addresses);
    expect(compare(program, addresses, result)).toBeGreaterThan(100);
    expect(result.answer.frames.flat().some(({ symbol }) => symbol?.includes("<"))).toBe(true);
  });

  test("reads a file of 100 MB only where it must, and the page stays alive meanwhile", async ({ annotate }) => {
    const program = join(folder, "large");
    execFileSync("sh", [join(ROOT, "bench", "large-program.sh"), program, "95"]);
    const { size } = statSync(program);
    expect(size).toBeGreaterThan(100e6);
    const few = spread(program, 5);
    const first = await symbolize([program], few);
    expect(compare(program, few, first)).toBe(5);
    expect(first.answer.bytesRead).toBeLessThan(size / 5);

    const many = spread(program, 500);
    const second = await symbolize([program], many);
    expect(compare(program, many, second)).toBeGreaterThan(450);
    // The page had its turn while the worker worked, again and again: without the worker it would have none.
    expect(second.turns.count).toBeGreaterThan(10);
    const { count, longest } = second.turns;
    await annotate(
      `${size} bytes, of which ${second.answer.bytesRead} read; ${count} turns, ${longest} ms between two`,
    );
  });

  test("says what is wrong with a file that is no ELF file", async () => {
    const path = join(folder, "text");
    writeFileSync(path, "no ELF file");
    expect((await symbolize([path], [0x1000])).answer).toMatchObject({
      kind: "error",
      message: expect.stringMatching(/ELF/),
    });
  });
});

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}

/** Addresses spread evenly over `.text`. */
function spread(path: string, count: number): number[] {
  const text = readelfSections(path).find(({ name }) => name === ".text");
  if (!text) throw new Error(`${path} has no .text`);
  const start = Number.parseInt(text.address, 16);
  return Array.from(
    { length: count },
    (_, i) => start + Math.floor(((i + 0.5) * Number.parseInt(text.size, 16)) / count),
  );
}

/** Directories are written in many ways; names and lines are not. */
function comparable(frames: readonly PeerFrame[]): string {
  return frames.map(({ name, file, line }) => `${name} ${file.replace(/.*\//, "")}:${line}`).join("\n");
}

/** What `addr2line -fi` says, innermost first. */
function addr2lineFrames(path: string, addresses: readonly number[]): PeerFrame[][] {
  const lines = run("addr2line", "-afCie", path, ...addresses.map(hex)).split("\n");
  const all: PeerFrame[][] = [];
  for (let i = 0; i + 1 < lines.length; ) {
    if (lines[i].startsWith("0x")) {
      all.push([]);
      i++;
      continue;
    }
    const [, file, line] = /^(.*):(\d+|\?)/.exec(lines[i + 1]) ?? [];
    all[all.length - 1].push({ name: lines[i], file, line: Number(line) || 0 });
    i += 2;
  }
  return all;
}
