import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  presentInCi,
  type Running,
  start,
  stop,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { describeProcess, isAlive, requireTarget } from "./process-info.ts";

const isRoot = presentInCi(process.geteuid?.() === 0, "the privilege of root");
const hasGcc = hasTool("gcc");
const hasPs = hasTool("ps");
const directory = temporaryDirectory();
killStartedPrograms();

/** What ps says of a process, one column. */
function ps(pid: number, column: string): string {
  return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim();
}

/** Tries until the answer is there: what a process does right after its start takes a moment. */
async function eventually<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await delay(10);
  }
}

const NAMED = `
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
static void *other(void *unused) {
  printf("%ld\\n", syscall(SYS_gettid));
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
int main(int count, char **arguments) {
  pthread_t thread;
  prctl(PR_SET_NAME, ") R 1 (x\\n9");
  pthread_create(&thread, 0, other, 0);
  if (count > 1) pthread_exit(0);
  pthread_join(thread, 0);
}
`;

describe.skipIf(!hasGcc || !hasPs)("a process with two threads and a name made to mislead", () => {
  let program: Running;
  beforeAll(async () => {
    program = await start(compile(join(directory, "named"), NAMED, ["-pthread"]));
  });

  test("is described as ps describes it", () => {
    const info = describeProcess(program.pid);
    expect(info).toMatchObject({
      pid: program.pid,
      threadId: undefined,
      command: ") R 1 (x\n9",
      executable: join(directory, "named"),
      isKernelThread: false,
      isZombie: false,
      tracer: undefined,
      sameArchitecture: true,
      root: "/",
    });
    expect(info.state).toBe(ps(program.pid, "state"));
    expect(info.threads).toBe(Number(ps(program.pid, "nlwp")));
    expect(info.uid).toBe(Number(ps(program.pid, "euid")));
    expect(info.mountNamespace).toBe(`mnt:[${ps(program.pid, "mntns")}]`);
    expect(info.pidNamespace).toBe(`pid:[${ps(program.pid, "pidns")}]`);
    // ps prints the seconds since the start, by its own reading of field 22.
    const ticks = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
    const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    expect(Math.abs(uptime - info.startTime / ticks - Number(ps(program.pid, "etimes")))).toBeLessThan(5);
  });

  test("is found by the ID of its second thread", () => {
    const threadId = Number(program.output);
    expect(threadId).not.toBe(program.pid);
    expect(describeProcess(threadId)).toMatchObject({ pid: program.pid, threadId });
    expect(requireTarget(threadId).pid).toBe(program.pid);
  });

  test("is told from one that later gets the same PID", () => {
    const { pid, startTime } = describeProcess(program.pid);
    expect(isAlive(pid, startTime)).toBe(true);
    expect(isAlive(pid, startTime + 1)).toBe(false);
  });

  test("is not alive any more when it has ended", async () => {
    const other = await start(join(directory, "named"));
    const { pid, startTime } = describeProcess(other.pid);
    await stop(other);
    expect(isAlive(pid, startTime)).toBe(false);
    expect(() => describeProcess(pid)).toThrow(expect.objectContaining({ code: "target-gone" }));
  });

  test("still runs when only its main thread has ended, but is refused", async () => {
    const { pid } = await start(join(directory, "named"), ["end-main-thread"]);
    const info = await eventually(() => {
      const now = describeProcess(pid);
      return now.state === "Z" ? now : undefined;
    });
    expect(info.isZombie).toBe(false);
    expect(isAlive(pid, info.startTime)).toBe(true);
    expect(() => requireTarget(pid)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });
});

test.skipIf(!hasPs)("a zombie is recognised and refused as gone", async () => {
  // The shell's child ends after the shell has become `sleep`, which never asks for its exit status.
  const { pid } = await start("sh", ["-c", "sleep 0.1 & echo ready; exec sleep 60"]);
  const child = await eventually(() => {
    const [line] = execFileSync("ps", ["-o", "pid=,state=", "--ppid", String(pid)], { encoding: "utf8" }).split("\n");
    const [number, state] = line.trim().split(/\s+/);
    return state === "Z" ? Number(number) : undefined;
  });
  expect(describeProcess(child).isZombie).toBe(true);
  expect(isAlive(child, describeProcess(child).startTime)).toBe(false);
  expect(() => requireTarget(child)).toThrow(expect.objectContaining({ code: "target-gone" }));
});

test("a kernel thread is recognised and refused", ({ skip }) => {
  // ps shows them in brackets for the same reason that they have no command line; this looks at the name of PID 2.
  let name: string;
  try {
    name = readFileSync("/proc/2/comm", "utf8").trim();
  } catch {
    return skip("no kernel thread can be seen from this PID namespace");
  }
  if (name !== "kthreadd") return skip("PID 2 is not kthreadd");
  expect(describeProcess(2)).toMatchObject({ isKernelThread: true, executable: undefined, command: "kthreadd" });
  expect(() => requireTarget(2)).toThrow(expect.objectContaining({ code: "refused" }));
});

test("a number that no process has is not found, with a hint", () => {
  const highest = Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
  expect(() => describeProcess(highest + 1)).toThrow(
    expect.objectContaining({ code: "target-gone", hint: expect.stringContaining("ps") }),
  );
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 60])("%d is not a PID", (id) => {
  expect(() => describeProcess(id)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/usage|target-gone/) }),
  );
});

describe.skipIf(!isRoot || !hasGcc)("namespaces, users and filters", () => {
  const waiting = join(directory, "waiting");
  beforeAll(() => {
    compile(waiting, WAITING);
  });

  test("another mount namespace is told from ours", async () => {
    const { pid } = await start("unshare", ["-m", waiting]);
    expect(describeProcess(pid)).toMatchObject({ sameMountNamespace: false, samePidNamespace: true });
  });

  test("in another PID namespace the process also has a number there", async () => {
    const { pid: parent } = await start("unshare", ["-pf", "--kill-child", waiting]);
    const pid = Number(readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8"));
    const info = describeProcess(pid);
    expect(info).toMatchObject({ samePidNamespace: false, sameMountNamespace: true });
    expect(info.namespacePids).toEqual([pid, 1]);
  });

  test("a process in a chroot shows its root", async () => {
    const inside = compile(join(directory, "inside"), WAITING, ["-static"]);
    const { pid } = await start("chroot", [directory, "/inside"]);
    expect(describeProcess(pid)).toMatchObject({ root: directory, executable: inside });
  });

  test("a seccomp filter is seen, even if only one thread has it", async () => {
    // A filter of one instruction, "allow": BPF_RET | BPF_K, SECCOMP_RET_ALLOW (seccomp(2)).
    const source = `
      #include <linux/filter.h>
      #include <linux/seccomp.h>
      #include <pthread.h>
      #include <stdio.h>
      #include <sys/prctl.h>
      #include <unistd.h>
      static void *confine(void *wait) {
        struct sock_filter allow = { 6, 0, 0, 0x7fff0000 };
        struct sock_fprog program = { 1, &allow };
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        puts("ready");
        fflush(stdout);
        for (;;) pause();
      }
      int main(int count, char **arguments) {
        pthread_t thread;
        if (count == 1) confine(0);
        pthread_create(&thread, 0, confine, 0);
        pthread_join(thread, 0);
      }`;
    const path = compile(join(directory, "filtered"), source, ["-pthread"]);
    expect(describeProcess((await start(path)).pid).seccomp).toBe("filter");
    expect(describeProcess((await start(path, ["in-a-thread"])).pid).seccomp).toBe("filter");
    // Other programs have whatever we ourselves run under: nothing, outside a container.
    const ours = /^Seccomp:\t(\d)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    expect(describeProcess((await start(waiting)).pid).seccomp).toBe(ours === "0" ? "off" : "filter");
  });

  test("another user's process is described as far as may be, and refused for want of privilege", async () => {
    const { pid } = await start(waiting);
    process.seteuid?.("nobody");
    try {
      expect(describeProcess(pid)).toMatchObject({ uid: 0, executable: undefined, command: "waiting" });
      expect(() => requireTarget(pid)).toThrow(
        expect.objectContaining({ code: "permission", hint: expect.stringContaining("root") }),
      );
    } finally {
      process.seteuid?.(0);
    }
  });

  test.skipIf(!hasTool("gdb"))("the debugger that traces it is named", async () => {
    const { pid } = await start(waiting);
    const gdb = await start("gdb", ["-q", "-nx", "-p", String(pid), "-ex", "echo ready\\n", "-ex", "shell sleep 60"]);
    expect(describeProcess(pid).tracer).toBe(gdb.pid);
  });

  test.skipIf(!hasTool("gcc"))("a 32-bit program is told from our own", async ({ skip }) => {
    const source = 'void _start(void) { for (;;) __asm__ volatile("int $0x80" : : "a"(29)); }';
    let path: string;
    try {
      path = compile(join(directory, "narrow"), source, ["-m32", "-nostdlib", "-static"]);
    } catch {
      return skip("this compiler makes no 32-bit programs");
    }
    const { pid } = await start("sh", ["-c", `echo ready; exec ${path}`]);
    // EM_386 = 3 (gABI).
    const architecture = await eventually(() => {
      const info = describeProcess(pid);
      return info.executable === path ? info : undefined;
    });
    expect(architecture).toMatchObject({
      architecture: { bits: 32, littleEndian: true, machine: 3 },
      sameArchitecture: false,
    });
  });
});

test("every process of this machine can be described", () => {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    try {
      expect(describeProcess(Number(pid)).pid).toBe(Number(pid));
    } catch (error) {
      // It may have ended since it was listed.
      expect(error).toMatchObject({ code: expect.stringMatching(/target-gone/) });
    }
  }
  expect(pids).toContain(String(process.pid));
});
