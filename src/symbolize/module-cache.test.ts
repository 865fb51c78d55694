import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture } from "../../test/support/elf-files.ts";
import { temporaryDirectory } from "../../test/support/oracle.ts";
import { moduleAt, testFiles } from "../../test/support/symbolize-files.ts";
import { virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { Module } from "./module.ts";
import { ModuleCache } from "./module-cache.ts";

/** Ten copies of a program. */
function programs(): string[] {
  const directory = temporaryDirectory();
  const bytes = readFileSync(fixture("shapes-i686"));
  return Array.from({ length: 10 }, (_, i) => {
    const path = join(directory, `program${i}`);
    writeFileSync(path, bytes);
    return path;
  });
}

test("of many modules only so many files are open, those used last", () => {
  const paths = programs();
  const files = testFiles();
  const cache = new ModuleCache<string>(3);
  let opened = 0;
  const use = (path: string): Module => {
    const module = cache.get(path, () => {
      opened++;
      return moduleAt(path, files);
    });
    if (!(module instanceof Module)) throw module;
    expect(module.find(virtualAddress(module.elf.entry), false)[0].symbol).toBe("_start");
    return module;
  };
  for (const path of paths) {
    use(path);
    expect(files.open.size).toBeLessThanOrEqual(3);
  }
  expect(opened).toBe(10);
  expect([...files.open].map(({ name }) => name)).toEqual(paths.slice(7));
  const last = use(paths[9]);
  expect(use(paths[7])).not.toBe(last);
  expect(opened).toBe(10);
  // Number 7 was used after 8, so 8 is closed for 0.
  use(paths[0]);
  expect([...files.open].map(({ name }) => name)).toEqual([paths[7], paths[9], paths[0]]);
  cache.close();
  expect(files.open.size).toBe(0);
});

test("the one in use stays, however many files it has open", () => {
  const [path] = programs();
  const files = testFiles();
  const cache = new ModuleCache<string>(0);
  const first = cache.get("a", () => moduleAt(path, files));
  expect(cache.get("a", () => new LeaklineError("io", "opened twice"))).toBe(first);
  expect(files.open.size).toBe(1);
  cache.get("b", () => moduleAt(path, files));
  expect(files.open.size).toBe(1);
});

test("why a module could not be opened is remembered, and still told when it is gone", () => {
  const cache = new ModuleCache<number>(0);
  let tries = 0;
  const open = (): LeaklineError => {
    tries++;
    return new LeaklineError("not-found", "/gone: no such file here");
  };
  expect(cache.get(1, open)).toBe(cache.get(1, open));
  expect(tries).toBe(1);
  expect(cache.problems()).toEqual(["/gone: no such file here"]);
  cache.close();
  expect(cache.problems()).toEqual(["/gone: no such file here"]);
});

test("a module that was closed answers with reasons, not with exceptions", () => {
  const [path] = programs();
  const module = moduleAt(path, testFiles());
  module.close();
  const frames = module.find(virtualAddress(module.elf.entry), false);
  expect(frames.length).toBe(1);
  expect(frames[0].reason).toBeDefined();
});

test("of many modules only so many are kept as fit into the memory", () => {
  const paths = programs();
  const files = testFiles();
  const one = moduleAt(paths[0], files);
  one.find(virtualAddress(one.elf.entry), false);
  // Half a megabyte is counted for its open file alone.
  expect(one.memory).toBeGreaterThanOrEqual(1 << 19);
  const cache = new ModuleCache<string>(100, 3 * one.memory);
  one.close();
  for (const path of paths) {
    const module = cache.get(path, () => moduleAt(path, files));
    if (!(module instanceof Module)) throw module;
    module.find(virtualAddress(module.elf.entry), false);
  }
  // The last one was not yet asked when the others were counted.
  expect([...files.open].map(({ name }) => name)).toEqual(paths.slice(7));
});
