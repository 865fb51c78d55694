/**
 * The report as text, in the layout that users of memleak know:
 *
 *     stack_id=0x1 with outstanding allocations: total_size=12 nr_allocs=3
 *       0 [<0000555b65a096f2>] alloc_v3+0x18 test_memleak.c:8
 *
 * An inlined function stands before the one it was inlined into, under the same number, without an address of its own.
 */

import { hex } from "../base/address.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Quality, Report, ReportFrame, ReportProcess, ReportStack } from "./model.ts";
import { baseName, plural } from "./names.ts";

export type TextOptions = {
  /** Whole paths of source files instead of their last part. */
  fullPaths: boolean;
};

/** Ends with a newline. */
export function renderText(report: Report, options: TextOptions): string {
  const { totals, processes } = report;
  const about = report.sampling ? "~" : "";
  const lines = [
    `[${new Date(report.time).toISOString().slice(11, 19)}]${report.final ? " final report," : ""} ${describeProcess(report)}: ${about}${plural(totals.bytes, "byte")} outstanding in ${about}${plural(totals.blocks, "allocation")} from ${plural(totals.stacks, "stack")}${shownPart(report)}`,
  ];
  if (processes.length > 1) lines.push(...renderProcesses(processes, about));
  for (const stack of report.stacks) lines.push(...renderStack(stack, options, processes.length > 1));
  lines.push(renderQuality(report));
  return `${lines.join("\n")}\n`;
}

function describeProcess(report: Report): string {
  const { processes } = report;
  if (processes.length > 1) return `${processes.length} processes`;
  const process = processes[0] ?? report.process;
  return process ? `${process.name} (${process.pid})` : "no process";
}

/** Processes that have a line of their own; a server may have thousands. */
const MAX_PROCESS_LINES = 20;

/** `      2056 bytes in     4 allocations  nginx (4711), exited`, the largest first. */
function renderProcesses(processes: readonly ReportProcess[], about: string): string[] {
  const shown = processes.slice(0, MAX_PROCESS_LINES);
  const rest = processes.slice(MAX_PROCESS_LINES);
  const rows = shown.map(({ pid, name, state, bytes, blocks }) => {
    return { bytes, blocks, what: `${name} (${pid})${state === "exited" ? ", exited" : ""}` };
  });
  if (rest.length > 0) {
    const sum = (of: "bytes" | "blocks"): number => rest.reduce((total, process) => total + process[of], 0);
    rows.push({ bytes: sum("bytes"), blocks: sum("blocks"), what: `${rest.length} more` });
  }
  const columns = rows.map(({ bytes, blocks, what }) => [`${about}${bytes}`, `${about}${blocks}`, what]);
  const [first, second] = [0, 1].map((column) => Math.max(...columns.map((row) => row[column].length)));
  return columns.map(
    ([bytes, blocks, what]) => `  ${bytes.padStart(first)} bytes in ${blocks.padStart(second)} allocations  ${what}`,
  );
}

function shownPart(report: Report): string {
  return report.stacks.length < report.totals.stacks ? `, the largest ${report.stacks.length} shown` : "";
}

function renderStack(stack: ReportStack, options: TextOptions, withPid: boolean): string[] {
  const what = stack.class === "mapping" ? " (mmap)" : "";
  const whose = withPid ? ` pid=${stack.pid}` : "";
  const lines = [
    `stack_id=0x${hex(stack.id)} with outstanding allocations${what}: total_size=${stack.bytes} nr_allocs=${stack.blocks}${whose}`,
  ];
  lines.push(...renderFrames(stack.frames, options));
  if (isCutShort(stack)) lines.push(`    (stack cut short: ${STACK_ENDS[stack.end]})`);
  return lines;
}

/**
 * A stack's frames, innermost first, a line each: `  0 [<0000555b65a096f2>] alloc_v3+0x18 test_memleak.c:8`.
 *
 * @param first number of the first one.
 */
export function renderFrames(frames: readonly ReportFrame[], options: TextOptions, first = 0): string[] {
  let number = first - 1;
  let insideInline = false;
  return frames.map((frame) => {
    if (!insideInline) number++;
    const place = insideInline ? " ".repeat(26) : `${String(number).padStart(3)} [<${hex(frame.address, 16)}>]`;
    insideInline = frame.inlined;
    const mark = frame.unverified ? " [unverified]" : "";
    return `${place}${renderFrame(frame, options)}`.trimEnd() + mark;
  });
}

/** What follows the address: ` name+0xoffset file:line`. */
function renderFrame(frame: Frame, options: TextOptions): string {
  const reason = frame.reason ? ` (${frame.reason})` : "";
  if (frame.symbol === undefined) {
    return renderPlace(frame) + reason;
  }
  const offset = frame.inlined ? " [inlined]" : `+0x${hex(frame.offset ?? 0)}`;
  return ` ${frame.symbol}${offset}${renderLocation(frame, options)}`;
}

/** ` module+0xaddress` for what has no symbol; less where less is known. */
export function renderPlace({ module, moduleAddress }: Frame): string {
  if (module === undefined) return "";
  return ` ${baseName(module)}${moduleAddress === undefined ? "" : `+0x${hex(moduleAddress)}`}`;
}

/** ` file:line`, or nothing. */
export function renderLocation(frame: Frame, options: TextOptions): string {
  if (frame.file === undefined) return "";
  const file = options.fullPaths ? frame.file : baseName(frame.file);
  return frame.line === undefined ? ` ${file}` : ` ${file}:${frame.line}`;
}

/** Functions in which a thread begins: C libraries and the dynamic linker call the program's code from them. */
const THREAD_STARTS = new Set([
  "_start",
  "__libc_start_main",
  "__libc_start_call_main",
  "start_thread",
  "clone",
  "clone3",
]);

function isCutShort(stack: ReportStack): boolean {
  const last = stack.frames.at(-1)?.symbol;
  return stack.end !== "end" && !(last !== undefined && THREAD_STARTS.has(last));
}

const STACK_ENDS = {
  end: "",
  "bad-frame-pointer": "code without frame pointers",
  unreadable: "memory could not be read",
  "too-deep": "deeper than 127 frames",
  "no-rule": "code without unwind information",
  "bad-frame": "the next address is no code",
} as const;

/** `99.5% of 200 stacks whole, 99.9% by allocations (1: code without unwind information)` */
function renderStackEnds({ stackEnds, allocationEnds }: Quality): string[] {
  const cut = (Object.keys(STACK_ENDS) as (keyof typeof STACK_ENDS)[]).filter((end) => end !== "end" && stackEnds[end]);
  const total = sumOf(stackEnds);
  if (total === 0) return [];
  const allocations = sumOf(allocationEnds);
  const byAllocations =
    cut.length > 0 && allocations > 0 ? `, ${percentOf(allocationEnds.end, allocations)}% by allocations` : "";
  const reasons = cut.map((end) => `${stackEnds[end]}: ${STACK_ENDS[end]}`).join(", ");
  return [
    `${percentOf(stackEnds.end, total)}% of ${plural(total, "stack")} whole${byAllocations}${reasons && ` (${reasons})`}`,
  ];
}

function sumOf(counts: Quality["stackEnds"]): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Never rounded up to 100. */
function percentOf(part = 0, whole: number): string {
  const share = (100 * part) / whole;
  return share === 100 ? "100" : Math.min(share, 99.9).toFixed(1);
}

function renderQuality({ quality, sampling }: Report): string {
  const parts: string[] = [];
  const dropped = quality.droppedBlocks + quality.droppedStacks + quality.droppedThreads;
  if (dropped > 0) {
    parts.push(
      `${plural(dropped, "allocation")} DROPPED (${quality.droppedBlocks} table of blocks full, ${quality.droppedStacks} of stacks, ${quality.droppedThreads} of threads): raise --max-blocks or --max-stacks`,
    );
  }
  if (quality.missedFrees > 0) parts.push(`${plural(quality.missedFrees, "free")} missed`);
  if (quality.abandonedCalls > 0)
    parts.push(`${plural(quality.abandonedCalls, "allocator call")} left without returning`);
  if (quality.damage) parts.push(`recording damaged: ${quality.damage}`);
  if (parts.length === 0) parts.push("nothing dropped");
  if (sampling) parts.push(`estimated from a sample, one in every ${renderSize(sampling.bytes)}`);
  parts.push(...renderStackEnds(quality));
  if (quality.unverifiedStacks > 0) parts.push(`${plural(quality.unverifiedStacks, "stack")} with unverified frames`);
  parts.push(`${plural(quality.unmatchedFrees, "free")} of blocks not in the account`);
  return `data quality: ${parts.join("; ")}`;
}

/** `512 KiB`, and whole bytes where a unit would need a fraction. */
function renderSize(bytes: number): string {
  const unit = UNITS.find(([size]) => bytes % size === 0);
  return unit ? `${bytes / unit[0]} ${unit[1]}` : plural(bytes, "byte");
}

const UNITS = [
  [1 << 30, "GiB"],
  [1 << 20, "MiB"],
  [1 << 10, "KiB"],
] as const;
