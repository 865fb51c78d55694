/**
 * What could hurt a process if it were traced, or make the result wrong. Facts in, hazards out.
 *
 * The gravest is a return probe: it replaces the return address on the stack by that of a trampoline. Go's runtime
 * moves stacks and checks return addresses, and aborts. On x86-64 kernels 6.11 to 6.13 the trampoline makes a system
 * call, and a seccomp filter that does not know it kills the process.
 */

import type { ElfFile } from "../elf/index.ts";
import type { AllocatorLibrary } from "./allocators.ts";
import { KERNEL } from "./constants.ts";
import { isAtLeast, parseKernelVersion } from "./kernel-version.ts";
import type { ProcessInfo } from "./process-info.ts";

export type TargetFacts = {
  readonly info: ProcessInfo;
  /** As uname(2) gives it. */
  readonly kernelRelease: string;
  readonly isGo: boolean;
  /** The executable has no dynamic linker: its malloc is inside it. */
  readonly isStatic: boolean;
  readonly allocators: readonly AllocatorLibrary[];
};

export type Hazard = {
  readonly name: string;
  /** True: do not trace. False: say so and go on. */
  readonly refuse: boolean;
  readonly found: string;
  readonly mend: string;
};

/** All hazards of a target, the gravest first; none for an ordinary program. */
export function findHazards({ info, kernelRelease, isGo, allocators }: TargetFacts): Hazard[] {
  const hazards: Hazard[] = [];
  if (isGo) {
    const found = "Go program: a return probe makes its runtime abort";
    hazards.push({ name: "Go", refuse: true, found, mend: "use Go's own heap profiler (net/http/pprof)" });
  }
  if (info.seccomp !== "off" && info.seccomp !== undefined && returnProbesTripSeccomp(kernelRelease)) {
    const found = `seccomp (${info.seccomp}) on kernel ${kernelRelease}: a return probe would kill the process`;
    const mend = `use a kernel before ${KERNEL.fastReturnProbe.join(".")} or from ${KERNEL.returnProbePassesSeccomp.join(".")} on, or start the process without seccomp`;
    hazards.push({ name: "seccomp", refuse: true, found, mend });
  }
  if (info.sameArchitecture === false) {
    const found = `made for another architecture${info.architecture?.bits === 32 ? " (32 bits)" : ""}: its calls and stacks are laid out differently`;
    hazards.push({ name: "architecture", refuse: true, found, mend: "trace a 64-bit build of the program" });
  }
  if (info.tracer !== undefined) {
    const found = `process ${info.tracer} debugs it: breakpoints and probes may disturb each other, and a stop halts it`;
    hazards.push({ name: "debugger", refuse: false, found, mend: "detach the debugger" });
  }
  if (allocators.some(({ family }) => family === "sanitizer")) {
    const found = "a sanitizer holds freed blocks back: they still count as freed, but the memory stays in use";
    hazards.push({ name: "sanitizer", refuse: false, found, mend: "trace a build without -fsanitize" });
  }
  return hazards;
}

/** Was the executable built by the Go compiler? */
export function isGoBinary(elf: ElfFile): boolean {
  return elf.section(".go.buildinfo") !== undefined || elf.section(".note.go.buildid") !== undefined;
}

function returnProbesTripSeccomp(release: string): boolean {
  const version = parseKernelVersion(release);
  if (!version) return false;
  return isAtLeast(version, KERNEL.fastReturnProbe) && !isAtLeast(version, KERNEL.returnProbePassesSeccomp);
}
