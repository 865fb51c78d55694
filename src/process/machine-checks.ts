/**
 * Can this machine trace at all? Facts about it go in, one line each comes out.
 *
 * Settings that a privileged user is exempt from are reported only to one who is not.
 */

import type { Check } from "./check.ts";
import { CAPABILITY, KERNEL } from "./constants.ts";
import { isAtLeast, type KernelVersion, parseKernelVersion } from "./kernel-version.ts";

/** What `doctor` wants to know of the machine. */
export type MachineFacts = {
  /** As uname(2) gives it. */
  readonly kernelRelease: string;
  readonly machine: string;
  /** Effective user ID. */
  readonly uid: number;
  /** Effective capabilities, bit by number (capabilities(7)). */
  readonly capabilities: bigint;
  readonly inUserNamespace: boolean;
  readonly inPidNamespace: boolean;
  /** The settings of kernel.* by sysctl(8); undefined when the kernel does not have them. */
  readonly unprivilegedBpfDisabled: number | undefined;
  readonly perfEventParanoid: number | undefined;
  readonly kptrRestrict: number | undefined;
  readonly ptraceScope: number | undefined;
  /** none, integrity or confidentiality (kernel_lockdown(7)). */
  readonly lockdown: string | undefined;
  /** The number of the performance monitoring unit that makes user-space probes. */
  readonly uprobeType: string | undefined;
  /** Version of libbpf.so.1. */
  readonly libbpf: string | undefined;
  /** What kind of container we are in, as far as it tells. */
  readonly container: string | undefined;
};

/** Every obstacle on this machine, with its mend, and what is in order too. */
export function machineChecks(facts: MachineFacts): Check[] {
  const missing = missingCapabilities(facts.capabilities);
  return [
    checkKernel(facts.kernelRelease),
    checkArchitecture(facts.machine),
    checkPrivilege(facts, missing),
    ...(missing.length > 0 ? checkUnprivileged(facts) : []),
    checkFeature(
      "uprobes",
      facts.uprobeType && `event source ${facts.uprobeType}`,
      "use a kernel with CONFIG_UPROBES=y and CONFIG_PERF_EVENTS=y",
    ),
    checkFeature("libbpf", facts.libbpf, "install libbpf.so.1 (Debian: libbpf1, Fedora: libbpf)"),
    checkLockdown(facts.lockdown),
    ...checkPtraceScope(facts.ptraceScope),
    ...checkKernelPointers(facts.kptrRestrict),
    checkContainer(facts),
  ];
}

/** Names of the capabilities that tracing needs and `effective` lacks. CAP_SYS_ADMIN stands for all but CAP_SYS_PTRACE. */
export function missingCapabilities(effective: bigint): string[] {
  const has = (name: keyof typeof CAPABILITY) => ((effective >> BigInt(CAPABILITY[name])) & 1n) === 1n;
  const missing: string[] = [];
  if (!has("CAP_SYS_PTRACE")) missing.push("CAP_SYS_PTRACE");
  if (has("CAP_SYS_ADMIN")) return missing;
  for (const name of ["CAP_BPF", "CAP_PERFMON", "CAP_CHECKPOINT_RESTORE"] as const) if (!has(name)) missing.push(name);
  return missing;
}

function checkKernel(release: string): Check {
  const name = "kernel";
  const version = parseKernelVersion(release);
  if (!version) return { name, ok: "warning", found: `${release}: a version that is not understood` };
  if (isAtLeast(version, KERNEL.attachCookie)) return { name, ok: true, found: release + whatNewerBring(version) };
  const mend = `use Linux ${KERNEL.attachCookie.join(".")} or newer`;
  // Red Hat's kernels keep an old number and gain what newer ones have.
  return /\.el\d/.test(release)
    ? { name, ok: "warning", found: `${release}: old, but its vendor adds features of newer ones`, mend }
    : { name, ok: false, found: `${release}: lacks eBPF attach cookies`, mend };
}

function whatNewerBring(version: KernelVersion): string {
  const gains = [
    [KERNEL.uprobeMulti, "attaches all probes at once"],
    [KERNEL.fastReturnProbe, "has cheaper return probes"],
    [KERNEL.optimisedProbe, "has probes that do not trap"],
  ] as const;
  const missed = gains.filter(([since]) => !isAtLeast(version, since));
  return missed.length === 0 ? "" : ` (${missed.map(([since, what]) => `${since.join(".")} ${what}`).join(", ")})`;
}

function checkArchitecture(machine: string): Check {
  const name = "architecture";
  if (machine === "x86_64") return { name, ok: true, found: machine };
  if (machine === "aarch64") {
    const found = "aarch64: tested in virtual machines only; stacks are walked by frame pointers";
    return { name, ok: "warning", found, mend: "compare the first results with another tool" };
  }
  const found = `${machine}: tracing is made for x86_64 and aarch64`;
  return { name, ok: false, found, mend: "resolve recordings here only" };
}

function checkPrivilege(facts: MachineFacts, missing: readonly string[]): Check {
  const name = "privilege";
  const mend = "run as root (sudo)";
  if (missing.length > 0) return { name, ok: false, found: `user ${facts.uid} lacks ${missing.join(", ")}`, mend };
  if (facts.inUserNamespace) {
    const found = "capabilities of a user namespace only, which eBPF does not accept";
    return { name, ok: false, found, mend: "run as root on the host" };
  }
  return { name, ok: true, found: facts.uid === 0 ? "root" : `user ${facts.uid} with the capabilities needed` };
}

/** Settings that matter to those without the capabilities. */
function checkUnprivileged(facts: MachineFacts): Check[] {
  const checks: Check[] = [];
  const mend = "run as root (sudo)";
  const settings = [
    ["kernel.unprivileged_bpf_disabled", facts.unprivilegedBpfDisabled, 0],
    ["kernel.perf_event_paranoid", facts.perfEventParanoid, -1],
  ] as const;
  for (const [name, value, open] of settings)
    if (value !== undefined && value > open)
      checks.push({ name, ok: false, found: `${value}: closed to users without capabilities`, mend });
  return checks;
}

function checkFeature(name: string, found: string | undefined, mend: string): Check {
  return found === undefined ? { name, ok: false, found: "missing", mend } : { name, ok: true, found };
}

function checkLockdown(lockdown: string | undefined): Check {
  const name = "lockdown";
  if (lockdown !== "confidentiality") return { name, ok: true, found: lockdown ?? "none" };
  const found = "confidentiality: eBPF programs may not read kernel memory";
  return { name, ok: false, found, mend: "boot with lockdown=integrity or none" };
}

function checkPtraceScope(scope: number | undefined): Check[] {
  if (scope === undefined || scope < 3) return [];
  const found = "3: nobody may read another process's memory, so frames in the vDSO stay without names";
  return [{ name: "kernel.yama.ptrace_scope", ok: "warning", found, mend: "set it to 2 or less and reboot" }];
}

function checkKernelPointers(restrict: number | undefined): Check[] {
  if (restrict === undefined || restrict < 2) return [];
  const mend = "sysctl kernel.kptr_restrict=1";
  return [{ name: "kernel.kptr_restrict", ok: "warning", found: "2: kernel frames stay without names", mend }];
}

function checkContainer({ container, inPidNamespace }: MachineFacts): Check {
  const name = "container";
  if (inPidNamespace) {
    const found = `${container ?? "a PID namespace"}: only its own processes can be seen`;
    return { name, ok: "warning", found, mend: "start it with --pid=host --privileged, or run leakline on the host" };
  }
  return { name, ok: true, found: container ?? "none" };
}
