/** Kept answers: the same as fresh ones, and never those of other files, other users, or damage. */

import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { compile, hasTool, temporaryDirectory } from "../../../test/support/programs.ts";
import { virtualAddress } from "../../base/address.ts";
import type { ModuleFrame } from "../frame.ts";
import { AnswerStore, answerFolder } from "./answer-store.ts";
import { openLocalModule } from "./local-module.ts";

const directory = temporaryDirectory();
const SOURCE = (lines: string): string =>
  `${lines}int leaf(int a) { return a * 3; }\nint main(void) { return leaf(2); }\n`;
const isRoot = process.geteuid?.() === 0;
let cache: string;
let count = 0;

beforeEach(() => {
  cache = join(directory, `cache${count++}`);
});

function store(): AnswerStore {
  const folder = answerFolder({ XDG_CACHE_HOME: cache });
  if (folder === undefined) throw new Error("no folder");
  return new AnswerStore(folder, "test");
}

function files(): string[] {
  const folder = join(cache, "leakline", "answers");
  return readdirSync(folder).map((name) => join(folder, name));
}

function addressOf(path: string, name: string): number {
  return Number.parseInt(
    new RegExp(`^([0-9a-f]+) T ${name}$`, "m").exec(execFileSync("nm", [path], { encoding: "utf8" }))?.[1] ?? "",
    16,
  );
}

function lineByAddr2line(path: string, address: number): number {
  const text = execFileSync("addr2line", ["-e", path, `0x${address.toString(16)}`], { encoding: "utf8" });
  return Number(/:(\d+)/.exec(text)?.[1]);
}

/** Resolves through a store of its own, as a run of the command does, and saves it. */
function resolve(path: string, address: number, answers = store()): ModuleFrame {
  const module = openLocalModule(path, [], undefined, answers);
  const [frame] = module.find(virtualAddress(address), false);
  expect(module.findAll([virtualAddress(address)], false)).toEqual([[frame]]);
  module.close();
  answers.save();
  return frame;
}

/** Writes wrong answers into every kept file, in the right form. */
function plant(checksum: (body: string) => string): void {
  for (const path of files()) {
    const body = readFileSync(path, "utf8").split("\n")[1].replaceAll("leaf", "evil");
    writeFileSync(path, `${checksum(body)}\n${body}`);
  }
}

const crc = (body: string): string => crc32(body).toString(16);

describe.skipIf(!["gcc", "nm", "addr2line", "objcopy"].every((tool) => hasTool(tool)))(
  "answers of earlier runs",
  () => {
    const program = (name: string, lines = ""): string =>
      compile(join(directory, name), SOURCE(lines), ["-g", "-O0", "-Wl,--build-id"]);

    test("are used, and are what a fresh run says", () => {
      const path = program("same");
      const address = addressOf(path, "leaf");
      const fresh = resolve(path, address);
      expect(fresh).toMatchObject({ symbol: "leaf", offset: 0, line: lineByAddr2line(path, address) });
      expect(resolve(path, address)).toEqual(fresh);
      // That it is the kept one shows when it is changed.
      plant(crc);
      expect(resolve(path, address).symbol).toBe("evil");
    });

    test("are not used when the checksum is wrong, and are then written anew", () => {
      const path = program("damaged");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      plant(() => "0");
      expect(resolve(path, address).symbol).toBe("leaf");
      for (const file of files()) writeFileSync(file, "rubbish");
      expect(resolve(path, address).symbol).toBe("leaf");
      for (const file of files()) writeFileSync(file, readFileSync(file).subarray(0, 20));
      expect(resolve(path, address).symbol).toBe("leaf");
    });

    test("are not used for a file that was built anew at the same path", () => {
      const path = program("rebuilt");
      const before = resolve(path, addressOf(path, "leaf"));
      program("rebuilt", "\n\n\n");
      const after = resolve(path, addressOf(path, "leaf"));
      expect(after.line).toBe(lineByAddr2line(path, addressOf(path, "leaf")));
      expect(after.line).toBe((before.line ?? 0) + 3);
    });

    test("are not kept while something is missing: debug information that comes later is used", () => {
      const path = program("late");
      const address = addressOf(path, "leaf");
      const line = lineByAddr2line(path, address);
      execFileSync("objcopy", ["--only-keep-debug", path, `${path}.debug`]);
      const bare = `${path}-bare`;
      execFileSync("objcopy", ["--strip-debug", path, bare]);
      expect(resolve(bare, address).line).toBeUndefined();
      execFileSync("objcopy", [`--add-gnu-debuglink=${path}.debug`, bare]);
      expect(resolve(bare, address).line).toBe(line);
    });

    test.skipIf(!isRoot)("of another user are not used", () => {
      const path = program("planted");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      plant(crc);
      for (const file of files()) chownSync(file, 65534, 65534);
      expect(resolve(path, address).symbol).toBe("leaf");
    });

    test("a binary without a build ID has none", () => {
      const path = compile(join(directory, "nameless"), SOURCE(""), ["-g", "-Wl,--build-id=none"]);
      resolve(path, addressOf(path, "leaf"));
      expect(files()).toEqual([]);
    });

    test("a folder that cannot be written to costs nothing but the answers", () => {
      const path = program("full");
      const answers = new AnswerStore("/proc/nowhere", "test");
      expect(resolve(path, addressOf(path, "leaf"), answers).symbol).toBe("leaf");
    });
  },
);

describe("the folder", () => {
  test("is the user's alone", () => {
    expect(answerFolder({ XDG_CACHE_HOME: cache })).toBe(join(cache, "leakline", "answers"));
    chmodSync(join(cache, "leakline", "answers"), 0o777);
    expect(answerFolder({ XDG_CACHE_HOME: cache })).toBeUndefined();
  });

  test.skipIf(!isRoot)("is not one that another user owns", () => {
    mkdirSync(join(cache, "leakline", "answers"), { recursive: true });
    chownSync(join(cache, "leakline", "answers"), 65534, 65534);
    expect(answerFolder({ XDG_CACHE_HOME: cache })).toBeUndefined();
  });

  test("is nowhere without a home, or below a file", () => {
    expect(answerFolder({})).toBeUndefined();
    expect(answerFolder({ HOME: "relative" })).toBeUndefined();
    writeFileSync(cache, "");
    expect(answerFolder({ XDG_CACHE_HOME: cache })).toBeUndefined();
  });

  test("keeps a hundred files, the newest", () => {
    const answers = store();
    const [folder] = [join(cache, "leakline", "answers")];
    for (let i = 0; i < 105; i++) {
      writeFileSync(join(folder, String(i)), "");
      utimesSync(join(folder, String(i)), i, i);
    }
    answers.save();
    const left = readdirSync(folder)
      .map(Number)
      .sort((a, b) => a - b);
    expect(left).toEqual(Array.from({ length: 100 }, (_, i) => i + 5));
  });
});
