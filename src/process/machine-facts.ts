/**
 * What `doctor` wants to know of the machine: read here, judged in machine-checks.ts.
 */

import { existsSync } from "node:fs";
import { machine, release } from "node:os";
import type { Check } from "./check.ts";
import { INITIAL_PID_NAMESPACE, INITIAL_USER_NAMESPACE } from "./constants.ts";
import { type MachineFacts, machineChecks } from "./machine-checks.ts";
import { readProcessFile, tryReadLink, tryReadSystemFile } from "./proc-file.ts";
import { parseStatus } from "./stat.ts";

/**
 * Can this machine trace at all?
 *
 * @param libbpf version of libbpf.so.1, undefined when it cannot be loaded: this layer does not load libraries.
 */
export function checkMachine(libbpf: string | undefined): Check[] {
  return machineChecks(readMachineFacts(libbpf));
}

export function readMachineFacts(libbpf: string | undefined): MachineFacts {
  const status = parseStatus(readProcessFile(process.pid, "status"));
  return {
    kernelRelease: release(),
    machine: machine(),
    uid: Number(status.get("Uid")?.split("\t")[1]),
    capabilities: BigInt(`0x${status.get("CapEff") ?? "0"}`),
    inUserNamespace: tryReadLink("self", "ns/user") !== INITIAL_USER_NAMESPACE,
    inPidNamespace: tryReadLink("self", "ns/pid") !== INITIAL_PID_NAMESPACE,
    unprivilegedBpfDisabled: readSetting("unprivileged_bpf_disabled"),
    perfEventParanoid: readSetting("perf_event_paranoid"),
    kptrRestrict: readSetting("kptr_restrict"),
    ptraceScope: readSetting("yama/ptrace_scope"),
    // `none [integrity] confidentiality`: the one in brackets holds.
    lockdown: /\[(\w+)\]/.exec(tryReadSystemFile("/sys/kernel/security/lockdown") ?? "")?.[1],
    uprobeType: tryReadSystemFile("/sys/bus/event_source/devices/uprobe/type"),
    libbpf,
    container: findContainer(),
  };
}

function readSetting(name: string): number | undefined {
  const text = tryReadSystemFile(`/proc/sys/kernel/${name}`);
  return text === undefined ? undefined : Number(text);
}

function findContainer(): string | undefined {
  if (existsSync("/.dockerenv")) return "docker";
  if (existsSync("/run/.containerenv")) return "podman";
  return tryReadSystemFile("/run/systemd/container");
}
