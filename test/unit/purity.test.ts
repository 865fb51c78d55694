/**
 * What is loaded with what. The library's core runs in a browser: nothing that its public faces import, directly or
 * not, is a Node module. And recording, which is done on small devices, loads nothing that resolves addresses.
 */

import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const SOURCE = new URL("../../src/", import.meta.url).pathname;

/** Every module that is loaded with `entry`; imports of types alone are gone when it runs. */
function loadedBy(entry: string): { files: Set<string>; packages: string[] } {
  const files = new Set<string>();
  const packages: string[] = [];
  const open = [join(SOURCE, entry)];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (files.has(path)) continue;
    files.add(path);
    for (const [statement, target] of readFileSync(path, "utf8").matchAll(
      /^(?:import|export)(?: [^;"=]*? from)? "([^"\n]+)";/gm,
    )) {
      if (/^(?:import|export) type /.test(statement)) continue;
      if (target.startsWith(".")) open.push(join(dirname(path), target));
      else packages.push(`${relative(SOURCE, path)}: ${target}`);
    }
  }
  return { files, packages };
}

test.for([
  "symbolize/core.ts",
  "elf/index.ts",
  "dwarf/index.ts",
  "demangle/index.ts",
  "unwind/index.ts",
  "normalize/normalize.ts",
  "symbolize/index-file/index-reader.ts",
])("%s needs no Node", (entry) => {
  const { files, packages } = loadedBy(entry);
  expect(files.size).toBeGreaterThan(3);
  expect(packages).toEqual([]);
});

test("the command loads nothing before its code is taken from the cache but what asks for that", () => {
  const files = [...loadedBy("cli/main.ts").files].map((path) => relative(SOURCE, path));
  expect(files.sort()).toEqual(["cli/code-cache.ts", "cli/main.ts", "os/own-folder.ts", "os/package-file.ts"]);
});

test.for(["cli/command-line.ts", "cli/record.ts"])("%s loads no code that resolves addresses", (entry) => {
  const files = [...loadedBy(entry).files].map((path) => relative(SOURCE, path));
  expect(files).toContain("cli/command.ts");
  expect(files.filter((path) => /^(symbolize|dwarf|demangle|normalize|analysis)\//.test(path))).toEqual([]);
});

test("what the package exports, as a browser sees it, needs no Node", () => {
  type Target = { default: string };
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { exports } = JSON.parse(text) as { exports: { [path: string]: Target & { browser?: Target } } };
  expect(Object.keys(exports)).toContain("./symbolize");
  for (const target of Object.values(exports)) {
    const file = (target.browser ?? target).default.replace("./dist/", "").replace(/\.js$/, ".ts");
    expect(loadedBy(file).packages).toEqual([]);
  }
});

test("the check does see what it looks for", () => {
  expect(loadedBy("symbolize/index.ts").packages.join("\n")).toContain("node:fs");
});
