/** What is foreseen, beside what the kernel then shows in /proc/PID/maps of the program that was really started. */

import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { needTools } from "../../test/support/oracle.ts";
import {
  compile,
  hasTool,
  killStartedPrograms,
  start,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { foreseeMappedFiles } from "./foresee-files.ts";

const directory = temporaryDirectory();
killStartedPrograms();

/** Without what the machine puts in front of its own programs. */
const ENV = { ...process.env, PATH: "/usr/bin:/bin" };

function mappedFiles(pid: number): string[] {
  const lines = readFileSync(`/proc/${pid}/maps`, "utf8").split("\n");
  const files = lines.flatMap((line) => /^\S+ r.xp \S+ \S+ \d+ +(\/.*)$/.exec(line)?.[1] ?? []);
  return [...new Set(files)].sort();
}

/** Starts a command that waits for its input, and gives the files that it has mapped then. */
async function mappedByWaiting(words: readonly string[], env = ENV, cwd = directory): Promise<string[]> {
  const child = spawn(words[0], words.slice(1), { stdio: ["pipe", "ignore", "inherit"], env, cwd });
  try {
    const isWaiting = () => /^\d+ \(.*\) S /s.test(readFileSync(`/proc/${child.pid}/stat`, "utf8"));
    while (!isWaiting()) await setTimeout(10);
    return mappedFiles(child.pid as number);
  } finally {
    child.kill("SIGKILL");
  }
}

async function foreseen(words: readonly string[], env: NodeJS.ProcessEnv = ENV, cwd = directory): Promise<string[]> {
  const { files, problem } = await foreseeMappedFiles(words, { env, cwd });
  expect(problem).toBeUndefined();
  expect(new Set(files).size).toBe(files.length);
  return [...files].sort();
}

function script(name: string, text: string): string {
  writeFileSync(join(directory, name), text);
  chmodSync(join(directory, name), 0o755);
  return join(directory, name);
}

test.each([["cat"], ["/usr/bin/cat"], ["python3", "-c", "input()"], ["sort"]])(
  "a program of the distribution: %s",
  async (...words) => {
    expect(await foreseen(words)).toEqual(await mappedByWaiting(words));
  },
);

describe("a script", () => {
  test("is what interprets it, which may be a script again", async () => {
    const inner = script("inner", "#! /bin/sh -u\nread -r line\n");
    const outer = script("outer", `#!${inner} two words\n`);
    expect(await foreseen([outer])).toEqual(await mappedByWaiting([outer]));
    expect(await foreseen(["./outer"])).toEqual(await foreseen([outer]));
  });

  test("without a first line that says so is the shell's own", async () => {
    const plain = script("plain", "read -r line\n");
    // As every shell starts it; execve(2) refuses.
    expect(await foreseen([plain])).toEqual(await mappedByWaiting(["/bin/sh", plain]));
  });

  test.each([
    ["#!/usr/bin/env cat\n", ["/usr/bin/cat"]],
    ["#!/usr/bin/env -S LC_ALL=C python3 -u\n", ["python3"]],
  ])("%j is env, and then what env finds", async (line, [program]) => {
    const all = new Set([...(await foreseen(["env"])), ...(await foreseen([program]))]);
    expect(await foreseen([script("by-env", line)])).toEqual([...all].sort());
  });

  test("of which each interprets another without end is given up", async () => {
    const path = join(directory, "circle");
    script("circle", `#!${path}\n`);
    const { files, problem } = await foreseeMappedFiles([path], { env: ENV, cwd: directory });
    expect(files).toEqual([]);
    expect(problem).toMatch(/interpreters deep/);
  });

  test("whose interpreter is missing says so", async () => {
    const { problem } = await foreseeMappedFiles([script("bad", "#!/no/such/sh\n")], { env: ENV, cwd: directory });
    expect(problem).toMatch("/no/such/sh: no such file");
  });
});

describe.skipIf(!hasTool("gcc"))("a program compiled here", () => {
  const program = join(directory, "program");
  const libraries = join(directory, "lib dir");
  const preload = join(directory, "preload.so");
  beforeAll(() => {
    mkdirSync(libraries);
    compile(join(libraries, "libown.so.1"), "int own(void) { return 0; }", [
      "-shared",
      "-fPIC",
      "-Wl,-soname,libown.so",
    ]);
    symlinkSync("libown.so.1", join(libraries, "libown.so"));
    compile(preload, "int preloaded(void) { return 0; }", ["-shared", "-fPIC"]);
    compile(program, WAITING.replace("pause()", "own(), pause()").replace("int main", "int own(void);int main"), [
      `-L${libraries}`,
      "-lown",
    ]);
  });

  async function mapped(path: string, env: NodeJS.ProcessEnv = ENV): Promise<string[]> {
    return mappedFiles((await start(path, [], { env, cwd: directory })).pid);
  }

  test("finds its libraries and what is preloaded by the environment that it will have", async () => {
    const env = { ...ENV, LD_LIBRARY_PATH: "lib dir", LD_PRELOAD: "./preload.so" };
    const files = await foreseen([program], env);
    expect(files).toEqual(await mapped(program, env));
    expect(files).toEqual(expect.arrayContaining([program, preload, join(libraries, "libown.so.1")]));
    expect(await foreseen([program], { ...ENV, LD_LIBRARY_PATH: libraries })).not.toContain(preload);
  });

  test("by its own path to them, relative to where it lies, through a link", async () => {
    const own = compile(join(directory, "own-path"), readFileSync(`${program}.c`, "utf8"), [
      `-L${libraries}`,
      "-lown",
      "-Wl,-rpath,$ORIGIN/lib dir",
    ]);
    mkdirSync(join(directory, "elsewhere"));
    symlinkSync(own, join(directory, "elsewhere", "link"));
    const files = await foreseen(["elsewhere/link"]);
    expect(files).toEqual(await mapped(join(directory, "elsewhere", "link")));
    expect(files).toContain(join(libraries, "libown.so.1"));
  });

  test("a library that is missing leaves the program and its linker, with the linker's own words", async () => {
    const { files, problem } = await foreseeMappedFiles([program], { env: ENV, cwd: directory });
    expect(files).toHaveLength(2);
    expect(files[0]).toBe(program);
    expect(problem).toMatch(/libown\.so: cannot open shared object file/);
  });

  test.each([["-static"], ["-static-pie"]])("linked statically (%s) is its own only file", async (flag) => {
    const path = compile(join(directory, `program${flag}`), WAITING, [flag]);
    expect(await foreseen([path])).toEqual([path]);
    expect(await mapped(path)).toEqual([path]);
  });

  test("with musl", async (context) => {
    needTools(context, "musl-gcc");
    const path = compile(join(directory, "musl"), WAITING, [], "musl-gcc");
    expect(await foreseen([path])).toEqual(await mapped(path));
  });

  test("runs the linker as the command's user", async (context) => {
    if (process.geteuid?.() !== 0) return context.skip("needs root");
    const closed = join(directory, "closed");
    mkdirSync(closed, { mode: 0o700 });
    compile(join(closed, "libown.so"), "int own(void) { return 0; }", ["-shared", "-fPIC"]);
    const env = { ...ENV, LD_LIBRARY_PATH: closed };
    expect(await foreseen([program], env)).toContain(join(closed, "libown.so"));
    const user = { uid: 65534, gid: 65534 };
    const { problem } = await foreseeMappedFiles([program], { env, cwd: directory, user });
    expect(problem).toMatch(/libown\.so/);
  });
});

describe("what stands in the way is told, and the rest listed:", () => {
  /** A copy of a dynamic program that asks for another dynamic linker, of a name not longer than the real one. */
  function withLinker(name: string, linker: string): string | undefined {
    const elf = Buffer.from(readFileSync("/bin/true"));
    const at = elf.indexOf("/lib64/ld-linux-x86-64.so.2\0");
    if (at < 0 || linker.length > 26) return undefined;
    elf.write(`${linker}\0`, at, "latin1");
    writeFileSync(join(directory, name), elf, { mode: 0o755 });
    return join(directory, name);
  }
  const problemOf = async (command: string): Promise<string | undefined> =>
    (await foreseeMappedFiles([command], { env: ENV, cwd: directory })).problem;

  test("no such command", async () => {
    expect(await problemOf("no-such-command-here")).toMatch("not found in PATH");
    expect(await problemOf("/no/such/command")).toMatch("no such file");
    expect(await problemOf(directory)).toMatch("is a directory");
  });

  test("an ELF file that is cut off", async () => {
    writeFileSync(join(directory, "cut"), readFileSync("/bin/true").subarray(0, 100), { mode: 0o755 });
    expect(await problemOf(join(directory, "cut"))).toMatch(/cut/);
  });

  test("a dynamic linker that is not here", async (context) => {
    const program = withLinker("other-linker", "/no/such/linker");
    if (!program) return context.skip("/bin/true has another dynamic linker here");
    const { files, problem } = await foreseeMappedFiles([program], { env: ENV, cwd: directory });
    expect(files).toEqual([program]);
    expect(problem).toMatch("/no/such/linker");
  });

  test("one that answers without end", async (context) => {
    script("babble", "#!/bin/sh\nyes\n");
    // Relative: to the command's working directory, and so in a folder of the test's own.
    const program = withLinker("babbling", "./babble");
    if (!program) return context.skip("/bin/true has another dynamic linker here");
    const { files, problem } = await foreseeMappedFiles([program], { env: ENV, cwd: directory });
    expect(files).toEqual([program, join(directory, "babble")]);
    expect(problem).toMatch(/babble --list/);
  });
});
