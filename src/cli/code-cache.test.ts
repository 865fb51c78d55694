/** Where compiled code is kept: nowhere that others could put some, and not for ever. Node's part is tried by hand: CI has no Node that has one. */

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/programs.ts";
import { keepCompiledCode } from "./code-cache.ts";

const directory = realpathSync(temporaryDirectory());
const isRoot = process.geteuid?.() === 0;
const others = process.listeners("exit");
let cache: string;
let code: string;
let count = 0;

beforeEach(() => {
  cache = join(directory, `cache${count++}`);
  code = join(cache, "leakline", "code");
});

afterEach(() => {
  for (const listener of exitListeners()) process.removeListener("exit", listener);
});

/** Those of this test. */
function exitListeners(): NodeJS.ExitListener[] {
  return process.listeners("exit").filter((listener) => !others.includes(listener));
}

/** The folders that Node is given; it makes them, as the real one does. */
function given(words = ["symbolize", "elf"], env: NodeJS.ProcessEnv = {}): string[] {
  const folders: string[] = [];
  keepCompiledCode(words, { XDG_CACHE_HOME: cache, ...env }, (folder) => {
    mkdirSync(folder, { recursive: true });
    folders.push(folder);
  });
  return folders;
}

describe("compiled code", () => {
  test("is kept in one folder, which nobody else can enter", () => {
    const [folder] = given();
    expect(dirname(folder)).toBe(code);
    expect(statSync(code).mode & 0o777).toBe(0o700);
    expect(given(["report"])).toEqual([folder]);
  });

  test("is forgotten when the first run fails: it has compiled little, and entries stay as they are", () => {
    const [folder] = given();
    expect(exitListeners()).toHaveLength(1);
    exitListeners()[0](0);
    expect(existsSync(folder)).toBe(true);
    exitListeners()[0](2);
    expect(existsSync(folder)).toBe(false);
    // What an earlier run kept is not in question.
    given();
    given();
    expect(exitListeners()).toHaveLength(2);
  });

  test("is not kept with --no-cache, nor by commands that trace, nor without a home", () => {
    for (const option of ["--no-cache", "--help", "-h"]) expect(given(["symbolize", "elf", option])).toEqual([]);
    for (const words of [[], ["--version"], ["record"], ["attach"], ["run"]]) expect(given(words)).toEqual([]);
    expect(existsSync(cache)).toBe(false);
    expect(given(undefined, { XDG_CACHE_HOME: undefined })).toEqual([]);
    expect(given(undefined, { XDG_CACHE_HOME: "relative" })).toEqual([]);
  });

  test("is the user's matter where the user has said so to Node", () => {
    expect(given(undefined, { NODE_COMPILE_CACHE: "/elsewhere" })).toEqual([]);
    expect(given(undefined, { NODE_DISABLE_COMPILE_CACHE: "1" })).toEqual([]);
    expect(existsSync(cache)).toBe(false);
  });

  test("is not read from a folder that others can write to, or enter", () => {
    given();
    for (const mode of [0o777, 0o720, 0o702, 0o750, 0o701, 0o740]) {
      chmodSync(code, mode);
      expect(given()).toEqual([]);
    }
    chmodSync(code, 0o700);
    expect(given()).toHaveLength(1);
    chmodSync(cache, 0o777);
    expect(given()).toEqual([]);
    // Where only owners can rename, as in /tmp, they may.
    chmodSync(cache, 0o1777);
    expect(given()).toHaveLength(1);
  });

  test.skipIf(!isRoot)("is not read from another user's folder, nor from below or behind one", () => {
    given();
    chownSync(code, 65534, 65534);
    expect(given()).toEqual([]);
    chownSync(code, 0, 0);
    chownSync(cache, 65534, 65534);
    expect(given()).toEqual([]);
    chownSync(cache, 0, 0);
    expect(given()).toHaveLength(1);

    // A link of that user's leads to a folder of ours, or one of ours to that user's.
    const theirs = join(directory, `theirs${count}`);
    mkdirSync(theirs);
    chownSync(theirs, 65534, 65534);
    symlinkSync(theirs, `${cache}-link`);
    expect(given(undefined, { XDG_CACHE_HOME: `${cache}-link` })).toEqual([]);
    expect(readdirSync(theirs)).toEqual([]);
  });

  test("of four copies of leakline and Node is kept, those that came last", () => {
    mkdirSync(code, { recursive: true, mode: 0o700 });
    for (let i = 1; i <= 6; i++) {
      const old = join(code, `v${i}`);
      mkdirSync(join(old, "with", "more"), { recursive: true });
      utimesSync(old, i, i);
    }
    const [folder] = given();
    expect(readdirSync(code).map((name) => join(code, name))).toEqual(
      expect.arrayContaining([folder, ...["v4", "v5", "v6"].map((name) => join(code, name))]),
    );
    expect(readdirSync(code)).toHaveLength(4);
    // As long as there is something already, nothing is looked for.
    mkdirSync(join(code, "v7"));
    expect(given()).toEqual([folder]);
    expect(readdirSync(code)).toHaveLength(5);
  });

  test("is made anew after a month", () => {
    const [folder] = given();
    mkdirSync(join(folder, "half written"));
    const days = (count: number): Date => new Date(Date.now() - count * 24 * 3600_000);
    utimesSync(folder, days(29), days(29));
    expect(given()).toEqual([folder]);
    expect(readdirSync(folder)).toHaveLength(1);
    utimesSync(folder, days(31), days(31));
    expect(given()).toEqual([folder]);
    expect(readdirSync(folder)).toEqual([]);
  });
});
