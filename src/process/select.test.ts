/** Choosing processes, beside pgrep and ps. */

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  start,
  stop,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { descendantsOf, processesByIds, processesByName } from "./select.ts";

const hasTools = hasTool("gcc") && hasTool("pgrep") && hasTool("ps");
const directory = temporaryDirectory();
killStartedPrograms();

const PLAIN = { encoding: "utf8" } as const;

async function until(met: () => boolean): Promise<void> {
  while (!met()) await setTimeout(10);
}

/** PIDs as pgrep prints them, ascending; none when it finds none. */
function pgrep(...args: string[]): number[] {
  try {
    return numbers(execFileSync("pgrep", args, PLAIN));
  } catch {
    return [];
  }
}

function numbers(text: string): number[] {
  return text.split("\n").filter(Boolean).map(Number);
}

const pids = (found: readonly { pid: number }[]): number[] => found.map(({ pid }) => pid);

describe.skipIf(!hasTools)("by name", () => {
  const program = join(directory, "lkl-waiting");
  const long = join(directory, "lkl-a-name-of-many-letters");
  beforeAll(() => {
    compile(program, WAITING);
    copyFileSync(program, long);
    copyFileSync(program, join(directory, "lkl-a-name-of-many-others"));
  });

  test("finds all processes of that name, as pgrep does", async () => {
    await start(program);
    await start(program);
    expect(pids(processesByName("lkl-waiting"))).toEqual(pgrep("-x", "lkl-waiting"));
    expect(processesByName("lkl-waiting")).toHaveLength(2);
  });

  test("a name that the kernel cuts off is still told from another that begins so", async () => {
    const one = await start(long);
    await start(join(directory, "lkl-a-name-of-many-others"));
    expect(pids(processesByName("lkl-a-name-of-many-letters"))).toEqual([one.pid]);
    // Both are called so.
    expect(pids(processesByName("lkl-a-name-of-m"))).toEqual(pgrep("-x", "lkl-a-name-of-m"));
  });

  test("finds a program by its file and by the link that it was started by, also when the file was deleted", async () => {
    const file = join(directory, "lkl-real");
    copyFileSync(program, file);
    symlinkSync(file, join(directory, "lkl-link"));
    const { pid } = await start(join(directory, "lkl-link"));
    rmSync(file);
    expect(pids(processesByName("lkl-link"))).toEqual([pid]);
    expect(pids(processesByName("lkl-real"))).toEqual([pid]);
  });

  test("finds a script by its name, whatever interprets it", async () => {
    const script = join(directory, "lkl-script-of-many-letters.sh");
    writeFileSync(script, "#!/bin/sh\necho ready\nread -r line\n");
    chmodSync(script, 0o755);
    const running = spawn(script, { stdio: ["pipe", "pipe", "inherit"] });
    await once(running.stdout, "data");
    try {
      expect(pids(processesByName("lkl-script-of-many-letters.sh"))).toEqual([running.pid]);
    } finally {
      running.kill("SIGKILL");
    }
  });

  test("leaves out leakline itself, zombies and kernel threads, all of which pgrep finds", async () => {
    const notFound = expect.objectContaining({ code: "not-found" });
    const title = process.title;
    process.title = "lkl-self";
    try {
      expect(pgrep("-x", "lkl-self")).toEqual([process.pid]);
      expect(() => processesByName("lkl-self")).toThrow(notFound);
    } finally {
      process.title = title;
    }
    const brief = join(directory, "lkl-brief");
    copyFileSync("/bin/true", brief);
    // Its parent becomes another program, which does not collect it.
    await start("sh", ["-c", `${brief} & exec ${program}`]);
    await until(() => /^[0-9]+ Z/m.test(execFileSync("ps", ["-C", "lkl-brief", "-o", "pid=,stat="], PLAIN).trim()));
    expect(pgrep("-x", "lkl-brief")).toHaveLength(1);
    expect(() => processesByName("lkl-brief")).toThrow(notFound);
    if (pgrep("-x", "kthreadd").length === 1) expect(() => processesByName("kthreadd")).toThrow(notFound);
  });

  test("a name that nothing has gives names that are nearly the same", async () => {
    const { pid } = await start(program);
    for (const name of ["lkl-wait", "lkl-wating", "LKL-WAITING", "lkl-waiting.service"])
      expect(() => processesByName(name), name).toThrow(
        expect.objectContaining({ code: "not-found", hint: expect.stringContaining(`lkl-waiting (${pid})`) }),
      );
    expect(() => processesByName("zzzzzzzzzz")).toThrow(
      expect.objectContaining({ hint: expect.stringContaining("ps") }),
    );
    expect(() => processesByName("")).toThrow(expect.objectContaining({ code: "not-found" }));
  });
});

describe.skipIf(!hasTools)("by ID", () => {
  const THREADED = `
    #include <pthread.h>
    #include <stdio.h>
    #include <unistd.h>
    static void *wait_there(void *arg) { puts("ready"); fflush(stdout); pause(); return arg; }
    int main(void) { pthread_t t; pthread_create(&t, 0, wait_there, 0); pause(); return 0; }`;

  test("gives each process once, in the order given, and a thread's process for a thread", async () => {
    const one = await start(compile(join(directory, "lkl-threads"), THREADED, ["-pthread"]));
    const two = await start(join(directory, "lkl-threads"));
    const thread = Number(readdirSync(`/proc/${one.pid}/task`).find((tid) => Number(tid) !== one.pid));
    const found = processesByIds([two.pid, thread, one.pid, two.pid]);
    expect(pids(found)).toEqual([two.pid, one.pid]);
    for (const { pid, parent, command } of found)
      expect(`${parent} ${command}`).toBe(
        execFileSync("ps", ["-o", "ppid=,comm=", "-p", `${pid}`], PLAIN)
          .trim()
          .replace(/ +/g, " "),
      );
  });

  test("refuses what cannot be traced", async () => {
    const gone = await start(join(directory, "lkl-threads"));
    await stop(gone);
    const code = (id: number): unknown => {
      try {
        return processesByIds([id]);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect([process.pid, gone.pid, 0, -1, 1.5, Number.NaN].map(code)).toEqual([
      "refused",
      "target-gone",
      "usage",
      "usage",
      "usage",
      "usage",
    ]);
  });
});

describe.skipIf(!hasTools)("descendants", () => {
  /** By following `pgrep -P` down. */
  function below(pid: number): number[] {
    const children = pgrep("-P", `${pid}`);
    return [...children, ...children.flatMap(below)].sort((a, b) => a - b);
  }

  test("are children and theirs, parents first, as pgrep -P finds them", async () => {
    const command = "sleep 1000 & sh -c 'sleep 1001 & sh -c \"sleep 1002 & sleep 1003\"' & sleep 1 & echo ready; wait";
    const { pid } = await start("sh", ["-c", command]);
    await until(() => below(pid).length === 7);
    const found = descendantsOf(pid);
    expect(pids(found).sort((a, b) => a - b)).toEqual(below(pid));
    const seen = new Set([pid]);
    for (const child of found) {
      expect(seen).toContain(child.parent);
      seen.add(child.pid);
    }
    expect(descendantsOf(found.find(({ command }) => command === "sleep")?.pid as number)).toEqual([]);
  });

  test("are found while processes come and go all the time", async () => {
    const { pid } = await start("sh", ["-c", "echo ready; sleep 1000 & while :; do /bin/true; done"]);
    const stays = pgrep("-P", `${pid}`, "-x", "sleep");
    expect(stays).toHaveLength(1);
    for (let i = 0; i < 50; i++) expect(pids(descendantsOf(pid))).toContain(stays[0]);
  });

  test("of a process that does not exist are none", () => {
    expect(descendantsOf(2 ** 22 + 1)).toEqual([]);
  });
});
