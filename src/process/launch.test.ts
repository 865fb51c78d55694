/** A command that waits, and what it finds when it may go. The oracles are the kernel, ps, and the shell. */

import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { compile, hasTool, temporaryDirectory } from "../../test/support/programs.ts";
import { exitStatus, type LaunchedCommand, type LaunchOptions, launchWaiting } from "./launch.ts";
import { resolveCommand } from "./resolve-command.ts";

const directory = temporaryDirectory();
const isRoot = process.geteuid?.() === 0;

/** Writes what it was given into the file of its first argument: arguments, environment, open files, one a line. */
const TELLS = `
#include <fcntl.h>
#include <stdio.h>
extern char **environ;
int main(int argc, char **argv) {
  FILE *out = fopen(argv[1], "w");
  for (int i = 0; i < argc; i++) fprintf(out, "argument %s\\n", argv[i]);
  for (char **one = environ; *one; one++) fprintf(out, "variable %s\\n", *one);
  for (int fd = 0; fd < 100; fd++)
    if (fd != fileno(out) && fcntl(fd, F_GETFD) >= 0) fprintf(out, "open %d\\n", fd);
  return fclose(out);
}`;

async function launch(words: readonly string[], options: Partial<LaunchOptions> = {}): Promise<LaunchedCommand> {
  const launched = await launchWaiting(words, { env: process.env, cwd: directory, ...options });
  onTestFinished(() => launched.kill("SIGKILL"));
  return launched;
}

function script(path: string, text: string): string {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(!hasTool("gcc"))("a command gets", () => {
  const program = join(directory, "tells");
  beforeAll(() => {
    compile(program, TELLS);
  });

  async function tell(words: readonly string[], options: Partial<LaunchOptions> = {}) {
    const out = join(directory, `told-${Math.random()}`);
    const launched = await launch([words[0], out, ...words.slice(1)], options);
    launched.go();
    expect(await launched.ended).toEqual({ code: 0, signal: null });
    const lines = readFileSync(out, "utf8").trim().split("\n");
    const of = (kind: string) =>
      lines.flatMap((line) => (line.startsWith(`${kind} `) ? line.slice(kind.length + 1) : []));
    return { arguments: of("argument").filter((one) => one !== out), variables: of("variable"), open: of("open") };
  }

  test("its arguments, whatever is in them, and no shell reads them", async () => {
    const words = ["$(touch pwned)", "a b", "", "'\"", "--", "-c", "\\", "*", "ü"];
    const told = await tell(["./tells", ...words]);
    expect(told.arguments).toEqual(["./tells", ...words]);
    expect(existsSync(join(directory, "pwned"))).toBe(false);
  });

  test("the environment that it was to get, and nothing else", async () => {
    const env = {
      PATH: "/usr/bin",
      ODD: "a b'\"$x`y`",
      EMPTY: "",
      PWD: "/not/here",
      OLDPWD: "/nor/here",
      SHLVL: "7",
      IFS: ":,",
      ENV: "/none",
      LD_LIBRARY_PATH: "/none such",
      LD_PRELOAD: "",
    };
    expect((await tell([program], { env })).variables.sort()).toEqual(
      Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .sort(),
    );
    const { variables } = await tell([program], { env: {} });
    // bash, where it is the shell, tells a program its own path so.
    expect(variables.filter((one) => !one.startsWith("_="))).toEqual([]);
  });

  test("no library that is preloaded before it is there", async () => {
    const marks = join(directory, "marks.so");
    const source = `
      #include <fcntl.h>
      #include <unistd.h>
      __attribute__((constructor)) static void mark(void) {
        int fd = open("${directory}/marked", O_WRONLY | O_CREAT | O_APPEND, 0600);
        write(fd, "x", 1); close(fd);
      }`;
    compile(marks, source, ["-shared", "-fPIC"]);
    await tell([program], { env: { ...process.env, LD_PRELOAD: marks } });
    expect(readFileSync(join(directory, "marked"), "utf8")).toBe("x");
  });

  test("standard input, output and error, and no other open file", async () => {
    expect((await tell([program])).open).toEqual(["0", "1", "2"]);
  });

  test("the working directory, and is found from there and in PATH", async () => {
    mkdirSync(join(directory, "bin"));
    script(join(directory, "bin", "where"), '#!/bin/sh\npwd > "$1"\n');
    for (const [command, path] of [
      ["bin/where", "/usr/bin:/bin"],
      ["where", `bin:/usr/bin:/bin`],
      ["where", `/none:${directory}/bin`],
    ]) {
      const launched = await launch([command, "there"], { env: { PATH: path } });
      launched.go();
      expect(await launched.ended, command).toEqual({ code: 0, signal: null });
      expect(readFileSync(join(directory, "there"), "utf8").trim()).toBe(directory);
      writeFileSync(join(directory, "there"), "");
    }
  });
});

test("nothing runs before it may, and then in the same process, in our process group", async () => {
  const launched = await launch(["sh", "-c", "touch went; exec sleep 1000"]);
  const { pid } = launched;
  await setTimeout(300);
  expect(existsSync(join(directory, "went"))).toBe(false);
  launched.go();
  while (!/\/sleep$/.test(readlinkSync(`/proc/${pid}/exe`))) await setTimeout(10);
  expect(existsSync(join(directory, "went"))).toBe(true);
  const groupOf = (id: number): string =>
    execFileSync("ps", ["-o", "pgid=", "-p", `${id}`], { encoding: "utf8" }).trim();
  expect(groupOf(pid)).toBe(groupOf(process.pid));
  launched.kill("SIGTERM");
  expect(await launched.ended).toEqual({ code: null, signal: "SIGTERM" });
});

test("a command that is cancelled never runs", async () => {
  const launched = await launch(["touch", "cancelled"]);
  launched.cancel();
  expect(await launched.ended).toEqual({ code: 125, signal: null });
  launched.go();
  launched.kill("SIGTERM");
  expect(existsSync(join(directory, "cancelled"))).toBe(false);
});

test.each<[string, number]>([
  ["exit 0", 0],
  ["exit 3", 3],
  ["kill -INT $$", 128 + 2],
  ["kill -SEGV $$", 128 + 11],
])("`%s` ends with what the shell says: %d", async (text, status) => {
  const launched = await launch(["sh", "-c", text]);
  launched.go();
  expect(exitStatus(await launched.ended)).toBe(status);
  expect(Number(execFileSync("sh", ["-c", `sh -c '${text}' 2>/dev/null; echo $?`], { encoding: "utf8" }))).toBe(status);
});

describe("a command that cannot be executed", () => {
  const failure = async (words: readonly string[], options: Partial<LaunchOptions> = {}): Promise<string> =>
    launch(words, options).then(
      () => "started",
      (error) => `${error.code}: ${error.message}`,
    );

  test("is refused before anything is started, with the reason", async () => {
    writeFileSync(join(directory, "plain.txt"), "text");
    expect(await failure(["no-such-command-here"])).toBe("not-found: no-such-command-here: command not found in PATH");
    expect(await failure(["./no-such-file"])).toBe(`not-found: ${directory}/no-such-file: no such file`);
    expect(await failure(["./plain.txt"])).toBe(`permission: ${directory}/plain.txt: is not executable`);
    expect(await failure(["plain.txt"], { env: { PATH: directory } })).toMatch(/^permission: .*not executable/);
    expect(await failure(["/tmp"])).toBe("permission: /tmp: is a directory");
    expect(await failure(["./plain.txt/x"])).toMatch(/^not-found: /);
    expect(await failure([""])).toMatch(/^usage: /);
    expect(await failure([])).toMatch(/^usage: /);
    expect(await failure(["true"], { cwd: "/no/such/folder" })).toMatch(/^io: .*\/no\/such\/folder/);
    expect(await failure(["true", "x".repeat(200_000)])).toMatch(/^limit: /);
  });

  test("but is found, ends as in a shell: 127 for a missing interpreter, and a script without any runs", async () => {
    const bad = await launch([script(join(directory, "bad"), "#!/no/such/interpreter\n")]);
    bad.go();
    expect(await bad.ended).toEqual({ code: 127, signal: null });
    const plain = await launch([script(join(directory, "plain"), "exit 9\n")]);
    plain.go();
    expect(await plain.ended).toEqual({ code: 9, signal: null });
  });
});

describe.skipIf(!isRoot)("as another user", () => {
  test("runs with that user's number and group, and no other group", async () => {
    const open = join(directory, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const launched = await launch(["sh", "-c", "id -u > ids; id -G >> ids"], {
      cwd: open,
      user: { uid: 65534, gid: 12 },
    });
    launched.go();
    expect(await launched.ended).toEqual({ code: 0, signal: null });
    expect(readFileSync(join(open, "ids"), "utf8")).toBe("65534\n12\n");
  });

  test("is for root only", async () => {
    process.seteuid?.(65534);
    try {
      const options = { env: process.env, cwd: "/", user: { uid: 1, gid: 1 } };
      await expect(launchWaiting(["true"], options)).rejects.toMatchObject({ code: "permission" });
    } finally {
      process.seteuid?.(0);
    }
  });
});

test("resolveCommand finds what the shell's `command -v` finds", () => {
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
  for (const name of ["ls", "sh", "env", "sort", "ps"]) {
    const found = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8", env }).trim();
    expect(resolveCommand(name, { env, cwd: "/" })).toBe(found);
  }
});
