/**
 * Can this process be traced? Facts about it go in, one line each comes out.
 */

import { OPERATOR } from "./allocator-names.ts";
import type { AllocatorLibrary } from "./allocators.ts";
import type { Check } from "./check.ts";
import { findHazards, type TargetFacts } from "./hazards.ts";
import type { ProcessInfo } from "./process-info.ts";

/** What was found about a target, and every obstacle with its mend. */
export function targetChecks(facts: TargetFacts): Check[] {
  const { info, allocators, isStatic } = facts;
  return [
    { name: "process", ok: true, found: describe(info) },
    ...checkHazards(facts),
    ...checkAllocators(allocators, isStatic),
    ...checkNamespaces(info),
  ];
}

/** What is known to hurt targets is listed also when it is not there: Go and seccomp are what people ask about. */
function checkHazards(facts: TargetFacts): Check[] {
  const hazards = findHazards(facts);
  const harmless = [
    { name: "Go", found: "not a Go program" },
    { name: "seccomp", found: facts.info.seccomp === "off" ? "off" : `${facts.info.seccomp}, harmless on this kernel` },
  ].filter(({ name }) => !hazards.some((hazard) => hazard.name === name));
  return [
    ...hazards.map(({ name, refuse, found, mend }): Check => ({ name, ok: refuse ? false : "warning", found, mend })),
    ...harmless.map(({ name, found }): Check => ({ name, ok: true, found })),
  ];
}

function describe(info: ProcessInfo): string {
  const parts = [`${info.pid} (${info.command})`, info.executable ?? "executable unknown", `user ${info.uid}`];
  if (info.threadId !== undefined) parts.push(`asked for by its thread ${info.threadId}`);
  return parts.join(", ");
}

function checkAllocators(allocators: readonly AllocatorLibrary[], isStatic: boolean): Check[] {
  const checks = allocators.map((library): Check => {
    const { module, family, version, functions } = library;
    const names = functions.map(({ name }) => name);
    const shown = names.length > 6 ? `${names.slice(0, 6).join(", ")} and ${names.length - 6} more` : names.join(", ");
    const what = [family === "other" ? "" : family, version ?? "", `${module.path}:`, shown];
    return { name: "allocator", ok: true, found: what.filter((part) => part !== "").join(" ") };
  });
  const hasMalloc = allocators.some(({ functions }) =>
    functions.some(({ name, signature }) => signature.operation === "allocate" && !OPERATOR.test(name)),
  );
  if (hasMalloc) return checks;
  const found = `no malloc in ${isStatic ? "the statically linked executable (stripped?)" : "any file it has mapped"}`;
  return [...checks, { name: "allocator", ok: false, found, mend: "name its allocator's functions: --alloc, --free" }];
}

function checkNamespaces(info: ProcessInfo): Check[] {
  const parts: string[] = [];
  if (info.samePidNamespace === false) parts.push(`PID ${info.namespacePids.at(-1)} in its own namespace`);
  if (info.sameMountNamespace === false) parts.push("sees other mounts: its files are read through /proc");
  if (info.root !== undefined && info.root !== "/") parts.push(`root directory ${info.root}`);
  return parts.length === 0 ? [] : [{ name: "container", ok: true, found: parts.join("; ") }];
}
