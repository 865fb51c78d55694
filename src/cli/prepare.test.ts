import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { LeaklineError } from "../base/errors.ts";
import { loadPreparedTable } from "../capture/prepared-tables.ts";
import { parseArguments } from "./command.ts";
import { EXIT } from "./exit-codes.ts";
import { prepare } from "./prepare.ts";

const LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6";
const LOADER = "/lib64/ld-linux-x86-64.so.2";

const runPrepare = (...words: string[]) => prepare.run(parseArguments(prepare, words));

/** As readelf prints it. */
function buildIdOf(path: string): string {
  return /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-n", path))?.[1] ?? "none";
}

test("files get a table each, named by build ID", async (context) => {
  needTools(context, "readelf", LIBC, LOADER);
  const tables = join(temporaryDirectory(), "new", "folder");
  expect(await runPrepare(LIBC, LOADER, "-o", tables)).toBe(EXIT.done);
  expect(readdirSync(tables).sort()).toEqual([LIBC, LOADER].map((path) => `${buildIdOf(path)}.unwind`).sort());
  expect(loadPreparedTable(tables, buildIdOf(LIBC))?.starts.length).toBeGreaterThan(10_000);
  expect(loadPreparedTable(tables, buildIdOf("/bin/bash"))).toBeUndefined();
});

test("--sysroot takes all programs below a folder, and follows no link out of it", async (context) => {
  needTools(context, "readelf", LIBC, "/bin/bash");
  const [root, tables] = [temporaryDirectory(), temporaryDirectory()];
  mkdirSync(join(root, "usr", "lib"), { recursive: true });
  copyFileSync(LIBC, join(root, "usr", "lib", "libc.so"));
  copyFileSync(LIBC, join(root, "usr", "lib", "another-name"));
  symlinkSync("/bin", join(root, "bin"));
  symlinkSync("/bin/bash", join(root, "bash"));
  writeFileSync(join(root, "script"), "#!/bin/sh\n");
  expect(await runPrepare("--sysroot", root, "-o", tables)).toBe(EXIT.done);
  expect(readdirSync(tables)).toEqual([`${buildIdOf(LIBC)}.unwind`]);
});

test("a separate debug file, whose frames are elsewhere, does not take the place of its program", async (context) => {
  needTools(context, "readelf", "objcopy", LIBC);
  const [root, tables] = [temporaryDirectory(), temporaryDirectory()];
  for (const name of ["a.debug", "z.debug"]) run("objcopy", "--only-keep-debug", LIBC, join(root, name));
  copyFileSync(LIBC, join(root, "m"));
  expect(await runPrepare("--sysroot", root, "-o", tables)).toBe(EXIT.done);
  expect(loadPreparedTable(tables, buildIdOf(LIBC))?.starts.length).toBeGreaterThan(10_000);
});

test("what cannot be prepared is told, and does not spoil the others", async (context) => {
  needTools(context, "readelf", LIBC);
  const tables = temporaryDirectory();
  const text = join(temporaryDirectory(), "text");
  writeFileSync(text, "no ELF file");
  expect(await runPrepare(text, "/no/such/file", LIBC, "-o", tables)).toBe(EXIT.failed);
  expect(readdirSync(tables)).toEqual([`${buildIdOf(LIBC)}.unwind`]);
});

test("a table under another file's name is refused", async (context) => {
  needTools(context, "readelf", LIBC, LOADER);
  const tables = temporaryDirectory();
  await runPrepare(LIBC, "-o", tables);
  const [from, to] = [LIBC, LOADER].map((path) => join(tables, `${buildIdOf(path)}.unwind`));
  writeFileSync(to, readFileSync(from));
  expect(() => loadPreparedTable(tables, buildIdOf(LOADER))).toThrow(/of the file with build ID/);
});

test.for([
  [["-o", "tables"], /FILE, --pid or --sysroot/],
  [["file"], /-o DIR/],
  [["--sysroot", "/no/such/folder", "-o", "/tmp"], /cannot be read/],
] as const)("%j is refused", async ([words, reason]) => {
  await expect(runPrepare(...words)).rejects.toThrow(reason);
  await expect(runPrepare(...words)).rejects.toThrow(LeaklineError);
});
