import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  start,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { openElf } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { findHazards, isGoBinary, type TargetFacts } from "./hazards.ts";
import { describeProcess } from "./process-info.ts";
import { targetChecks } from "./target-checks.ts";
import { checkTarget, readTargetFacts } from "./target-facts.ts";

const hasGcc = hasTool("gcc");
const directory = temporaryDirectory();
killStartedPrograms();

/** Ourselves, as if we were an ordinary program. */
const ORDINARY: TargetFacts = {
  info: { ...describeProcess(process.pid), seccomp: "off", tracer: undefined, sameArchitecture: true },
  kernelRelease: "6.12.5",
  isGo: false,
  isStatic: false,
  allocators: [],
};

function hazard(change: Partial<TargetFacts>) {
  return findHazards({ ...ORDINARY, ...change });
}

describe("findHazards", () => {
  test("an ordinary program has none", () => {
    expect(hazard({})).toEqual([]);
  });

  test.each([
    ["6.10.14", 0],
    ["6.11.0", 1],
    ["6.12.5", 1],
    ["6.13.9", 1],
    ["6.14.0", 0],
    ["5.15.0", 0],
    ["6.1.0", 0],
  ])("seccomp on kernel %s: %d", (kernelRelease, count) => {
    for (const seccomp of ["filter", "strict"] as const) {
      const hazards = hazard({ kernelRelease, info: { ...ORDINARY.info, seccomp } });
      expect(hazards.filter(({ name, refuse }) => name === "seccomp" && refuse)).toHaveLength(count);
    }
  });

  test("a Go program is refused", () => {
    expect(hazard({ isGo: true })).toMatchObject([{ name: "Go", refuse: true }]);
  });

  test("a program for another architecture is refused", () => {
    const info = { ...ORDINARY.info, sameArchitecture: false };
    expect(hazard({ info })).toMatchObject([{ name: "architecture", refuse: true }]);
  });

  test("a debugger is only mentioned", () => {
    const info = { ...ORDINARY.info, tracer: 77 };
    expect(hazard({ info })).toMatchObject([{ name: "debugger", refuse: false, found: expect.stringContaining("77") }]);
  });
});

describe("targetChecks", () => {
  test("a hazard that is refused fails, another warns", () => {
    const checks = targetChecks({ ...ORDINARY, isGo: true, info: { ...ORDINARY.info, tracer: 77 } });
    expect(checks).toContainEqual(expect.objectContaining({ name: "Go", ok: false }));
    expect(checks).toContainEqual(expect.objectContaining({ name: "debugger", ok: "warning" }));
  });

  test("a program without any malloc fails with a mend", () => {
    expect(targetChecks(ORDINARY)).toContainEqual(
      expect.objectContaining({ name: "allocator", ok: false, mend: expect.stringContaining("--alloc") }),
    );
  });

  test("a container is described", () => {
    const info = { ...ORDINARY.info, samePidNamespace: false, namespacePids: [4711, 23], root: "/jail" };
    const found = targetChecks({ ...ORDINARY, info }).find(({ name }) => name === "container")?.found;
    expect(found).toMatch(/PID 23 .*\/jail/);
  });
});

describe.skipIf(!hasGcc)("real targets", () => {
  test("an ordinary program passes all checks", async () => {
    const { pid } = await start(compile(join(directory, "ordinary"), WAITING));
    const checks = checkTarget(pid);
    // Inside a container the test's own programs run under seccomp.
    expect(checks.filter(({ ok, name }) => ok !== true && name !== "seccomp")).toEqual([]);
    expect(checks).toContainEqual({
      name: "allocator",
      ok: true,
      found: expect.stringMatching(/glibc 2\.\d+ .*libc\.so\.6: malloc, calloc/),
    });
  });

  test("a stripped static program has no malloc to be found", async () => {
    const { pid } = await start(compile(join(directory, "stripped"), WAITING, ["-static", "-s"]));
    expect(readTargetFacts(pid)).toMatchObject({ isStatic: true, allocators: [] });
    expect(checkTarget(pid)).toContainEqual(
      expect.objectContaining({ name: "allocator", ok: false, found: expect.stringContaining("static") }),
    );
  });

  test("the address sanitizer is mentioned", async () => {
    const { pid } = await start(compile(join(directory, "sanitized"), WAITING, ["-fsanitize=address"]));
    expect(checkTarget(pid)).toContainEqual(expect.objectContaining({ name: "sanitizer", ok: "warning" }));
  });

  test("a thread's ID is resolved, and the answer says so", async () => {
    const source = `
      #include <pthread.h>
      #include <unistd.h>
      static void *wait_forever(void *unused) { for (;;) pause(); }
      ${WAITING.replace("{ puts", "{ pthread_t thread; pthread_create(&thread, 0, wait_forever, 0); puts")}`;
    const { pid } = await start(compile(join(directory, "threads"), source, ["-pthread"]));
    const threads = execFileSync("ls", [`/proc/${pid}/task`], { encoding: "utf8" })
      .trim()
      .split("\n");
    const other = threads.map(Number).find((id) => id !== pid)!;
    expect(checkTarget(other)[0].found).toMatch(new RegExp(`^${pid} .*thread ${other}`));
  });

  test("what is not there gives one failed check", () => {
    const highest = Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
    expect(checkTarget(highest + 1)).toEqual([
      { name: "process", ok: false, found: expect.stringContaining("no process"), mend: expect.stringContaining("ps") },
    ]);
  });
});

describe.skipIf(!hasGcc || !hasTool("objcopy"))("isGoBinary", () => {
  // Go's linker writes these two sections (cmd/link); objcopy puts them into a program here.
  test.each([".go.buildinfo", ".note.go.buildid"])("knows Go by %s", (section) => {
    const plain = compile(join(directory, "plain"), WAITING);
    const path = join(directory, `with${section}`);
    execFileSync("objcopy", ["--add-section", `${section}=${plain}.c`, plain, path], { stdio: "inherit" });
    expect(isGoFile(path)).toBe(true);
    expect(isGoFile(plain)).toBe(false);
  });

  function isGoFile(path: string): boolean {
    const file = openFile(path);
    try {
      return isGoBinary(openElf(file));
    } finally {
      file.close();
    }
  }
});
