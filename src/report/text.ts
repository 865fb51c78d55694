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
import type { Quality, Report, ReportStack } from "./model.ts";
import { baseName, plural } from "./names.ts";

export type TextOptions = {
  /** Whole paths of source files instead of their last part. */
  fullPaths: boolean;
};

/** Ends with a newline. */
export function renderText(report: Report, options: TextOptions): string {
  const { totals } = report;
  const lines = [
    `[${new Date(report.time).toISOString().slice(11, 19)}]${report.final ? " final report," : ""} ${describeProcess(report)}: ${plural(totals.bytes, "byte")} outstanding in ${plural(totals.blocks, "allocation")} from ${plural(totals.stacks, "stack")}${shownPart(report)}`,
  ];
  for (const stack of report.stacks) lines.push(...renderStack(stack, options));
  lines.push(renderQuality(report.quality));
  return `${lines.join("\n")}\n`;
}

function describeProcess(report: Report): string {
  return report.process ? `${report.process.name} (${report.process.pid})` : "no process";
}

function shownPart(report: Report): string {
  return report.stacks.length < report.totals.stacks ? `, the largest ${report.stacks.length} shown` : "";
}

function renderStack(stack: ReportStack, options: TextOptions): string[] {
  const what = stack.class === "mapping" ? " (mmap)" : "";
  const lines = [
    `stack_id=0x${hex(stack.id)} with outstanding allocations${what}: total_size=${stack.bytes} nr_allocs=${stack.blocks}`,
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
export function renderFrames(frames: readonly Frame[], options: TextOptions, first = 0): string[] {
  let number = first - 1;
  let insideInline = false;
  return frames.map((frame) => {
    if (!insideInline) number++;
    const place = insideInline ? " ".repeat(26) : `${String(number).padStart(3)} [<${hex(frame.address, 16)}>]`;
    insideInline = frame.inlined;
    return `${place}${renderFrame(frame, options)}`.trimEnd();
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

/** `99.5% of 200 stacks whole (1: code without unwind information)` */
function renderStackEnds(ends: Quality["stackEnds"]): string[] {
  const cut = (Object.keys(STACK_ENDS) as (keyof typeof STACK_ENDS)[]).filter((end) => end !== "end" && ends[end]);
  const total = Object.values(ends).reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  const share = (100 * (ends.end ?? 0)) / total;
  const reasons = cut.map((end) => `${ends[end]}: ${STACK_ENDS[end]}`).join(", ");
  // Never rounded up to 100.
  const percent = share === 100 ? "100" : Math.min(share, 99.9).toFixed(1);
  return [`${percent}% of ${plural(total, "stack")} whole${reasons && ` (${reasons})`}`];
}

function renderQuality(quality: Quality): string {
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
  parts.push(...renderStackEnds(quality.stackEnds));
  parts.push(`${plural(quality.unmatchedFrees, "free")} of blocks from before the start`);
  return `data quality: ${parts.join("; ")}`;
}
