import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import type { Check } from "./check.ts";
import { isAtLeast, parseKernelVersion } from "./kernel-version.ts";
import { type MachineFacts, machineChecks, missingCapabilities } from "./machine-checks.ts";
import { checkMachine, readMachineFacts } from "./machine-facts.ts";

/** A machine where all is in order. */
const GOOD: MachineFacts = {
  kernelRelease: "6.18.2-generic",
  machine: "x86_64",
  uid: 0,
  capabilities: 2n ** 41n - 1n,
  inUserNamespace: false,
  inPidNamespace: false,
  unprivilegedBpfDisabled: 2,
  perfEventParanoid: 4,
  kptrRestrict: 1,
  ptraceScope: 1,
  lockdown: "none",
  uprobeType: "8",
  libbpf: "1.4.0",
  container: undefined,
};

function check(change: Partial<MachineFacts>, name: string): Check | undefined {
  return machineChecks({ ...GOOD, ...change }).find((one) => one.name === name);
}

describe("machineChecks", () => {
  test("finds nothing to mend where all is in order", () => {
    expect(machineChecks(GOOD).filter(({ ok }) => ok !== true)).toEqual([]);
  });

  test.each<[Partial<MachineFacts>, string, false | "warning", RegExp]>([
    [{ kernelRelease: "5.14.0" }, "kernel", false, /5\.15/],
    [{ kernelRelease: "4.19.0-26-amd64" }, "kernel", false, /5\.15/],
    [{ kernelRelease: "5.14.0-427.el9.x86_64" }, "kernel", "warning", /5\.15/],
    [{ machine: "aarch64" }, "architecture", "warning", /another tool/],
    [{ machine: "riscv64" }, "architecture", false, /recordings/],
    [{ uid: 1000, capabilities: 0n }, "privilege", false, /root/],
    [{ inUserNamespace: true }, "privilege", false, /host/],
    [{ uid: 1000, capabilities: 0n }, "kernel.unprivileged_bpf_disabled", false, /root/],
    [{ uid: 1000, capabilities: 0n }, "kernel.perf_event_paranoid", false, /root/],
    [{ uprobeType: undefined }, "uprobes", false, /CONFIG_UPROBES/],
    [{ libbpf: undefined }, "libbpf", false, /libbpf1/],
    [{ lockdown: "confidentiality" }, "lockdown", false, /lockdown=/],
    [{ ptraceScope: 3 }, "kernel.yama.ptrace_scope", "warning", /2/],
    [{ kptrRestrict: 2 }, "kernel.kptr_restrict", "warning", /kptr_restrict=1/],
    [{ inPidNamespace: true, container: "docker" }, "container", "warning", /--pid=host/],
  ])("%o: %s is %s", (change, name, ok, mend) => {
    expect(check(change, name)).toMatchObject({ ok, mend: expect.stringMatching(mend) });
  });

  test.each<[Partial<MachineFacts>, string]>([
    [{ kernelRelease: "5.15.0" }, "kernel"],
    [{ kernelRelease: "10.0" }, "kernel"],
    [{ lockdown: undefined }, "lockdown"],
    [{ lockdown: "integrity" }, "lockdown"],
    [{ container: "docker" }, "container"],
  ])("%o: %s is in order", (change, name) => {
    expect(check(change, name)?.ok).toBe(true);
  });

  test("says what a newer kernel brings", () => {
    expect(check({ kernelRelease: "6.1.0" }, "kernel")?.found).toMatch(/6\.10 .*6\.11 .*6\.18 /);
    expect(check({ kernelRelease: "6.12.1" }, "kernel")?.found).toMatch(/^6\.12\.1 \(6\.18 [^,]*\)$/);
  });

  test("does not name settings that a privileged user is exempt from", () => {
    expect(check({}, "kernel.perf_event_paranoid")).toBeUndefined();
  });

  test("every failed check says how to mend it", () => {
    const bad: MachineFacts = { ...GOOD, kernelRelease: "3.10", capabilities: 0n, libbpf: undefined };
    for (const { ok, mend } of machineChecks(bad)) if (ok === false) expect(mend).toMatch(/\w/);
  });
});

test("missingCapabilities accepts CAP_SYS_ADMIN for the finer ones, but not for CAP_SYS_PTRACE", () => {
  // Numbers of linux/capability.h: SYS_PTRACE 19, SYS_ADMIN 21, PERFMON 38, BPF 39, CHECKPOINT_RESTORE 40.
  expect(missingCapabilities((1n << 19n) | (1n << 21n))).toEqual([]);
  expect(missingCapabilities((1n << 19n) | (1n << 38n) | (1n << 39n) | (1n << 40n))).toEqual([]);
  expect(missingCapabilities(1n << 21n)).toEqual(["CAP_SYS_PTRACE"]);
  expect(missingCapabilities((1n << 19n) | (1n << 39n))).toEqual(["CAP_PERFMON", "CAP_CHECKPOINT_RESTORE"]);
});

test.each<[string, readonly [number, number] | undefined]>([
  ["6.1.0-18-amd64", [6, 1]],
  ["5.15", [5, 15]],
  ["6.18-rc3+", [6, 18]],
  ["unknown", undefined],
])("parseKernelVersion(%j)", (release, version) => {
  expect(parseKernelVersion(release)).toEqual(version);
});

test("isAtLeast compares numbers, not digits", () => {
  expect(isAtLeast([5, 15], [5, 4])).toBe(true);
  expect(isAtLeast([6, 1], [5, 15])).toBe(true);
  expect(isAtLeast([5, 4], [5, 15])).toBe(false);
});

describe("readMachineFacts", () => {
  const shell = (command: string) => execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim();

  test("reads what the system's own tools print", () => {
    const facts = readMachineFacts("1.2.3");
    expect(facts.kernelRelease).toBe(shell("uname -r"));
    expect(facts.machine).toBe(shell("uname -m"));
    expect(facts.uid).toBe(Number(shell("id -u")));
    expect(facts.capabilities.toString(16)).toBe(
      shell("grep CapEff /proc/self/status | cut -f2").replace(/^0+(?=.)/, ""),
    );
    expect(facts.perfEventParanoid).toBe(Number(shell("cat /proc/sys/kernel/perf_event_paranoid")));
    expect(facts.libbpf).toBe("1.2.3");
  });

  test("checkMachine tells that libbpf is missing", () => {
    expect(checkMachine(undefined).find(({ name }) => name === "libbpf")).toMatchObject({ ok: false });
    expect(checkMachine("1.1.0").find(({ name }) => name === "libbpf")).toMatchObject({ ok: true, found: "1.1.0" });
  });
});
