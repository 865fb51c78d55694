import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../../test/support/oracle.ts";
import { compile, hasTool, temporaryDirectory } from "../../../test/support/programs.ts";
import { virtualAddress } from "../../base/address.ts";
import type { Recording } from "../../recording/recording.ts";
import { recordingOfMaps, SAVED_PROCESS } from "../saved-maps.ts";
import { Symbolizer } from "../symbolizer.ts";
import { Debuginfod } from "./debuginfod.ts";
import { debuginfodCacheDirectory } from "./debuginfod-cache.ts";
import { type DebuginfodOptions, debuginfodOptions } from "./debuginfod-options.ts";
import { localFiles } from "./local-files.ts";
import { openLocalModule } from "./local-module.ts";

const directory = temporaryDirectory();
const hasTools = ["gcc", "objcopy", "strip", "readelf", "nm", "addr2line"].every(hasTool);

const SOURCE = `
__attribute__((noinline)) int twice(int x) { return x * 2; }
int main(int count, char **arguments) { return twice(count); }
`;

/** What the debuginfod protocol serves: a stripped program, its debug file, and where `twice` is. */
type Sample = { program: string; debugFile: string; buildId: string; address: number; line: string };

function makeSample(name: string): Sample {
  const program = compile(join(directory, name), SOURCE, ["-g"]);
  const value =
    run("nm", program)
      .split("\n")
      .find((line) => line.endsWith(" twice"))
      ?.split(" ")[0] ?? "";
  const line = run("addr2line", "-e", program, value).trim();
  const debugFile = `${program}.debug`;
  run("objcopy", "--only-keep-debug", program, debugFile);
  run("strip", program);
  const [, buildId] = /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-n", program)) ?? [];
  return { program, debugFile, buildId, address: Number.parseInt(value, 16), line };
}

let caches = 0;
function options(urls: readonly string[], more: Partial<DebuginfodOptions> = {}): DebuginfodOptions {
  const cacheDirectory = join(directory, `cache-${caches++}`);
  return {
    urls,
    cacheDirectory,
    timeout: 10,
    maxTime: 0,
    maxSize: 1 << 30,
    progress: () => {},
    problem: () => {},
    ...more,
  };
}

/** Resolves `twice`, fetches what was missing, and resolves it again: file:line before and after. */
async function resolveTwice(sample: Sample, client: Debuginfod): Promise<[string, string]> {
  const find = (): string => {
    const module = openLocalModule(sample.program, [], client);
    const [frame] = module.find(virtualAddress(sample.address), false);
    module.close();
    return frame.file === undefined ? "nothing" : `${frame.file}:${frame.line}`;
  };
  const before = find();
  await client.fetchMissing();
  return [before, find()];
}

describe.skipIf(!hasTools || !hasTool("debuginfod") || !hasTool("debuginfod-find"))("with a real debuginfod", () => {
  let sample: Sample;
  let url: string;
  let server: ChildProcess;

  beforeAll(async () => {
    sample = makeSample("real");
    const served = join(directory, "served");
    mkdirSync(served);
    copyFileSync(sample.program, join(served, "real"));
    copyFileSync(sample.debugFile, join(served, "real.debug"));
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    url = `http://127.0.0.1:${port}`;
    server = spawn("debuginfod", ["-F", "-p", String(port), "-d", ":memory:", served], { stdio: "ignore" });
    for (let tries = 0; ; tries++) {
      if (tries === 300) throw new Error("debuginfod does not answer");
      const answer = await fetch(`${url}/buildid/${sample.buildId}/debuginfo`).catch(() => undefined);
      if (answer?.ok) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });
  afterAll(() => void server.kill("SIGKILL"));

  /** What elfutils' client does with the same cache. */
  function debuginfodFind(kind: string, buildId: string, cache: string, urls: string): string | undefined {
    try {
      const env = { ...process.env, DEBUGINFOD_URLS: urls, DEBUGINFOD_CACHE_PATH: cache };
      return execFileSync("debuginfod-find", [kind, buildId], { env, encoding: "utf8", stdio: "pipe" }).trim();
    } catch {
      return undefined;
    }
  }

  const NOWHERE = "http://127.0.0.1:1";

  test("fetches debug information, which debuginfod-find then finds in the cache", async () => {
    const given = options([url]);
    expect(await resolveTwice(sample, new Debuginfod(given))).toEqual(["nothing", sample.line]);
    const found = debuginfodFind("debuginfo", sample.buildId, given.cacheDirectory, NOWHERE);
    expect(found).toBe(join(given.cacheDirectory, sample.buildId, "debuginfo"));
    expect(readFileSync(found as string)).toEqual(readFileSync(sample.debugFile));
    expect(readdirSync(join(given.cacheDirectory, sample.buildId))).toEqual(["debuginfo"]);
  });

  test("finds in the cache what debuginfod-find fetched, and asks no server", async () => {
    const given = options([NOWHERE]);
    expect(debuginfodFind("debuginfo", sample.buildId, given.cacheDirectory, url)).toBeDefined();
    expect(await resolveTwice(sample, new Debuginfod(given))).toEqual([sample.line, sample.line]);
  });

  test("finds a program that is not here, by the build ID that a recording has", async () => {
    const recording: Recording = recordingOfMaps("400000-500000 r-xp 00000000 00:00 0 /none/real\n", "maps");
    const file = recording.files.get(1)!;
    recording.apply({ ...file, buildId: sample.buildId });
    const client = new Debuginfod(options([url]));
    const symbolizer = new Symbolizer(recording, localFiles({ debuginfod: client }));
    const address = 0x400000n + BigInt(sample.address);
    expect(symbolizer.resolve(SAVED_PROCESS, address, false)[0]).toMatchObject({ reason: expect.any(String) });
    for (const _ of ["the program", "its debug information"]) {
      expect(await client.fetchMissing()).toBe(1);
      symbolizer.reopen();
      symbolizer.resolve(SAVED_PROCESS, address, false);
    }
    const [frame] = symbolizer.resolve(SAVED_PROCESS, address, false);
    expect(`${frame.symbol} ${frame.file}:${frame.line}`).toBe(`twice ${sample.line}`);
  });

  test("remembers that no server has a file, and debuginfod-find believes it", async () => {
    const knowsNothing = createServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
    await once(knowsNothing, "listening");
    const given = options([`http://127.0.0.1:${(knowsNothing.address() as AddressInfo).port}`]);
    expect(await resolveTwice(sample, new Debuginfod(given))).toEqual(["nothing", "nothing"]);
    knowsNothing.close();
    expect(statSync(join(given.cacheDirectory, sample.buildId, "debuginfo")).size).toBe(0);
    // The real server has it, but is not asked while the miss is fresh.
    expect(debuginfodFind("debuginfo", sample.buildId, given.cacheDirectory, url)).toBeUndefined();
  });

  test("believes what debuginfod-find remembers, until it is too old", async () => {
    const other = makeSample("other");
    const given = options([url]);
    expect(debuginfodFind("debuginfo", other.buildId, given.cacheDirectory, url)).toBeUndefined();
    const miss = join(given.cacheDirectory, other.buildId, "debuginfo");
    expect(statSync(miss).size).toBe(0);
    const client = new Debuginfod(given);
    expect(client.open(other.buildId, "debuginfo")).toBeUndefined();
    expect(client.waiting).toEqual([]);
    // Meeting the miss again, it writes down for how long that holds.
    debuginfodFind("debuginfo", other.buildId, given.cacheDirectory, url);
    const old = Date.now() / 1000 - Number(readFileSync(join(given.cacheDirectory, "cache_miss_s"), "utf8")) - 10;
    utimesSync(miss, old, old);
    client.open(other.buildId, "debuginfo");
    expect(client.waiting).toEqual([{ buildId: other.buildId, kind: "debuginfo" }]);
  });
});

describe.skipIf(!hasTools)("with servers that misbehave", () => {
  let sample: Sample;
  beforeAll(() => {
    sample = makeSample("misbehaved");
  });

  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(answer).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const good = (_request: IncomingMessage, response: ServerResponse): void =>
    void response.end(readFileSync(sample.debugFile));

  /** Fetches the sample's debug information: whether it came, and what was said. */
  async function fetchFrom(urls: string[], more: Partial<DebuginfodOptions> = {}) {
    const messages: string[] = [];
    const given = options(urls, { problem: (message) => messages.push(message), ...more });
    const client = new Debuginfod(given);
    expect(client.open(sample.buildId, "debuginfo")).toBeUndefined();
    const count = await client.fetchMissing();
    const folder = join(given.cacheDirectory, sample.buildId);
    return { count, said: messages.join("\n"), left: existsSync(folder) ? readdirSync(folder) : [] };
  }

  test("asks the right question, once", async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      response.writeHead(500).end();
    });
    const client = new Debuginfod(options([`${url}//`]));
    for (let i = 0; i < 3; i++) {
      client.open(sample.buildId, "debuginfo");
      expect(await client.fetchMissing()).toBe(0);
    }
    expect(asked).toEqual([`GET /buildid/${sample.buildId}/debuginfo`]);
  });

  test("asks the next one when one fails, and follows redirects", async () => {
    const last = await serve(good);
    const broken = await serve((_request, response) => response.writeHead(500).end());
    const redirects = await serve((request, response) =>
      response.writeHead(302, { location: `${last}${request.url}` }).end(),
    );
    const { count, said, left } = await fetchFrom(["http://127.0.0.1:1", "nonsense", "file:///etc", broken, redirects]);
    expect({ count, left }).toEqual({ count: 1, left: ["debuginfo"] });
    expect(said).toMatch(/ECONNREFUSED.*nonsense.*only http and https.*answered 500/s);
  });

  test.each<
    [
      what: string,
      answer: (request: IncomingMessage, response: ServerResponse) => void,
      said: RegExp,
      more?: Partial<DebuginfodOptions>,
    ]
  >([
    ["a file with another build ID", (_, r) => r.end(readFileSync("/bin/true")), /sent a file with build ID/],
    ["what is no ELF file", (_, r) => r.end("<html>Sign in</html>"), /not an ELF file|ELF/],
    ["nothing", (_, r) => r.end(), /ELF|bytes wanted/],
    [
      "the file cut short",
      (_, r) => {
        r.writeHead(200, { "content-length": "100000" });
        r.write(readFileSync(sample.debugFile));
        setTimeout(() => r.destroy(), 50);
      },
      /aborted|premature|ECONNRESET/i,
    ],
    ["a redirect to itself", (q, r) => r.writeHead(302, { location: q.url }).end(), /more than 5 times/],
    ["a redirect to a local file", (_, r) => r.writeHead(302, { location: "file:///etc/passwd" }).end(), /only http/],
    ["a redirect to nowhere", (_, r) => r.writeHead(302, { location: "http://[" }).end(), /Invalid URL/],
    [
      "too much, as it says",
      (_, r) => r.writeHead(200, { "x-debuginfod-size": "5000" }).end("x"),
      /larger than 1000/,
      { maxSize: 1000 },
    ],
    [
      "more than it says",
      (_, r) => {
        r.on("error", () => {});
        const more = (): void => void (r.writable && r.write(Buffer.alloc(65536), () => setImmediate(more)));
        more();
      },
      /larger than 1000000/,
      { maxSize: 1_000_000 },
    ],
    ["silence", () => {}, /less than 100 KiB in 0.2 s/, { timeout: 0.2 }],
    [
      "a byte now and then",
      (_, r) => {
        const timer = setInterval(() => r.write("x"), 20);
        r.on("close", () => clearInterval(timer));
      },
      /not done in 0.3 s/,
      { timeout: 0, maxTime: 0.3 },
    ],
  ])("of one that sends %s, keeps nothing", async (_what, answer, said, more) => {
    const result = await fetchFrom([await serve(answer)], more);
    expect(result).toMatchObject({ count: 0, left: [] });
    expect(result.said).toMatch(said);
  });

  test("a plain no from all is remembered, a failure is not", async () => {
    const no = await serve((_request, response) => response.writeHead(404).end());
    expect(await fetchFrom([no])).toMatchObject({ count: 0, left: ["debuginfo"] });
    expect(await fetchFrom([no, "http://127.0.0.1:1"])).toMatchObject({ count: 0, left: [] });
  });

  test("a cache that cannot be written is said, and no reason to fail", async () => {
    writeFileSync(join(directory, "a-file"), "");
    const result = await fetchFrom([await serve(good)], { cacheDirectory: join(directory, "a-file", "cache") });
    expect(result.count).toBe(0);
    expect(result.said).toMatch(/cannot be written/);
  });

  test.each(["", "abc", "AB", "../../etc", "00/11", "zz", "a".repeat(200)])(
    "%j is no build ID: nobody is asked",
    async (buildId) => {
      const client = new Debuginfod(options(["http://127.0.0.1:1"]));
      expect(client.open(buildId, "debuginfo")).toBeUndefined();
      expect(client.waiting).toEqual([]);
    },
  );

  test("a file in the cache that is another is not used", async () => {
    const given = options(["http://127.0.0.1:1"]);
    mkdirSync(join(given.cacheDirectory, sample.buildId), { recursive: true });
    copyFileSync("/bin/true", join(given.cacheDirectory, sample.buildId, "debuginfo"));
    const module = openLocalModule(sample.program, [], new Debuginfod(given));
    expect(module.find(virtualAddress(sample.address), false)[0].file).toBeUndefined();
    expect(module.problems.join()).toMatch(`not ${sample.buildId}`);
  });
});

// What debuginfod-client-config(7) says.
describe("the environment", () => {
  const silent = (): void => {};

  test("without a server nothing is done", () => {
    expect(debuginfodOptions({}, [], silent)).toBeUndefined();
    expect(debuginfodOptions({ DEBUGINFOD_URLS: " " }, [], silent)).toBeUndefined();
  });

  test("names servers, limits and the cache", () => {
    const environment = {
      DEBUGINFOD_URLS: "https://one/  http://two",
      DEBUGINFOD_CACHE_PATH: "/cache",
      DEBUGINFOD_TIMEOUT: "5",
      DEBUGINFOD_MAXTIME: "60",
      DEBUGINFOD_MAXSIZE: "1000",
    };
    expect(debuginfodOptions(environment, ["http://first"], silent)).toMatchObject({
      urls: ["http://first", "https://one/", "http://two"],
      cacheDirectory: "/cache",
      timeout: 5,
      maxTime: 60,
      maxSize: 1000,
    });
    expect(debuginfodOptions({ DEBUGINFOD_URLS: "x" }, [], silent)).toMatchObject({ timeout: 90, maxTime: 0 });
    expect(debuginfodOptions({ DEBUGINFOD_URLS: "x", DEBUGINFOD_TIMEOUT: "-1" }, [], silent)).toMatchObject({
      timeout: 0,
    });
  });

  test("says where the cache is", () => {
    const home = join(directory, "home");
    expect(debuginfodCacheDirectory({ HOME: home })).toBe(join(home, ".cache/debuginfod_client"));
    expect(debuginfodCacheDirectory({ HOME: home, XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/debuginfod_client");
    const old = join(home, ".debuginfod_client_cache");
    mkdirSync(old, { recursive: true });
    expect(debuginfodCacheDirectory({ HOME: home, XDG_CACHE_HOME: "/xdg" })).toBe(old);
    rmSync(old, { recursive: true });
  });
});
