/** Members of control groups that the tests make, in whichever hierarchies this machine lets them. */

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  type Running,
  start,
  stop,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { cgroupMembers, parseCgroupMounts } from "./cgroup.ts";
import { processesByCgroup } from "./select.ts";

const directory = temporaryDirectory();
killStartedPrograms();

test("hierarchies are found in mountinfo, the one that limits memory first", () => {
  // As proc_pid_mountinfo(5) has it: a varying number of optional fields, blanks as \040.
  const text = `
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:26 / /sys/fs/cgroup/pids rw,nosuid shared:9 master:2 - cgroup cgroup rw,pids
32 22 0:27 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
33 22 0:28 /docker/0123 /mnt/my\\040groups/memory rw shared:10 - cgroup cgroup rw,hugetlb,memory
34 22 0:29 / /x rw - tmpfs - rw
cut 22 0:30
`;
  expect(parseCgroupMounts(text)).toEqual([
    { mountPoint: "/mnt/my groups/memory", root: "/docker/0123", order: 0 },
    { mountPoint: "/sys/fs/cgroup/unified", root: "/", order: 1 },
    { mountPoint: "/sys/fs/cgroup/pids", root: "/", order: 2 },
  ]);
});

/** Mount points where we may make groups. */
const writable = parseCgroupMounts(readFileSync("/proc/self/mountinfo", "utf8"))
  .filter(({ root }) => root === "/")
  .filter(({ mountPoint }) => {
    try {
      mkdirSync(`${mountPoint}/lkl-try-${process.pid}`);
      rmdirSync(`${mountPoint}/lkl-try-${process.pid}`);
      return true;
    } catch {
      return false;
    }
  })
  .map(({ mountPoint, order }) => [order === 1 ? "version 2" : "version 1", mountPoint] as const)
  .filter(([version], i, all) => all.findIndex(([other]) => other === version) === i);

describe.skipIf(!hasTool("gcc") || writable.length === 0)("a group's members", () => {
  const program = compile(`${directory}/lkl-member`, WAITING);
  const made: string[] = [];
  const programs: Running[] = [];
  afterAll(async () => {
    for (const one of programs) await stop(one);
    for (const group of made.reverse()) await removeGroup(group);
  });

  async function startMember(): Promise<number> {
    const running = await start(program);
    programs.push(running);
    return running.pid;
  }

  test.each(writable)(
    "%s (%s): those of the group and of all below it, by either path",
    async (version, mountPoint) => {
      const name = `/lkl-test-${version.at(-1)}-${process.pid}`;
      const [top, below] = [`${mountPoint}${name}`, `${mountPoint}${name}/deep/er`];
      mkdirSync(below, { recursive: true });
      made.push(top, `${top}/deep`, below);
      const [one, two, other] = [await startMember(), await startMember(), await startMember()];
      writeFileSync(`${top}/cgroup.procs`, `${one}`);
      writeFileSync(`${below}/cgroup.procs`, `${two}`);

      const expected = [one, two].sort((a, b) => a - b);
      for (const path of [top, `${top}/`, `${top}/deep/..`]) expect(cgroupMembers(path).pids, path).toEqual(expected);
      expect(cgroupMembers(`${name}/deep`).pids).toEqual([two]);
      expect(processesByCgroup(name).map(({ pid }) => pid)).toEqual(expected);
      expect(processesByCgroup(name.slice(1)).map(({ pid }) => pid)).toEqual(expected);
      expect(cgroupMembers(mountPoint).pids).toEqual(expect.arrayContaining([...expected, other]));
      expect(readFileSync(`/proc/${two}/cgroup`, "utf8")).toContain(`:${name}/deep/er\n`);
    },
  );

  test.runIf(writable.some(([version]) => version === "version 2"))(
    "a threaded group's are found by its threads",
    async () => {
      const mountPoint = writable.find(([version]) => version === "version 2")?.[1];
      const top = `${mountPoint}/lkl-threaded-${process.pid}`;
      mkdirSync(`${top}/part`, { recursive: true });
      made.push(top, `${top}/part`);
      const pid = await startMember();
      writeFileSync(`${top}/cgroup.procs`, `${pid}`);
      writeFileSync(`${top}/part/cgroup.type`, "threaded");
      writeFileSync(`${top}/part/cgroup.threads`, `${pid}`);
      expect(() => readFileSync(`${top}/part/cgroup.procs`)).toThrow("ENOTSUP");
      expect(cgroupMembers(`${top}/part`).pids).toEqual([pid]);
    },
  );

  test("an empty group, and none at all, are errors", () => {
    const empty = `${writable[0][1]}/lkl-empty-${process.pid}`;
    mkdirSync(empty);
    made.push(empty);
    const notFound = (message: RegExp) =>
      expect.objectContaining({ code: "not-found", message: expect.stringMatching(message) });
    expect(() => processesByCgroup(empty)).toThrow(notFound(/has no process/));
    for (const path of ["/no/such/group", `${empty}/../../../../etc`, "/etc", "", "..", `${empty}\0`])
      if (path !== "" && path !== "..")
        expect(() => cgroupMembers(path), path).toThrow(notFound(/no such control group/));
  });
});

/** The kernel lets go of a group a moment after its last process has ended. */
async function removeGroup(group: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    try {
      return rmdirSync(group);
    } catch {
      await setTimeout(20);
    }
  }
}
