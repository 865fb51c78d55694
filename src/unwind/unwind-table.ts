/**
 * How to get from a frame to its caller, for every address of a file.
 *
 * Made from `.eh_frame`, which exceptions and so nearly all files need, and from `.debug_frame` for code that
 * `.eh_frame` leaves out (Go, some assembly). The FDEs are sorted by address first and their programs run in that
 * order, so that the rows come out sorted and can be merged at once.
 */

import { LeaklineError } from "../base/errors.ts";
import { EM_X86_64, PF_X, PT_LOAD } from "../elf/constants.ts";
import { type ElfFile, FrameReader, findDebugFrame, findEhFrame } from "../elf/index.ts";
import { FrameProgram } from "./frame-program.ts";
import { NO_RULE } from "./rule.ts";
import { RuleRows } from "./rule-rows.ts";

/** Row *i* holds from `starts[i]` to `starts[i + 1]`. Before the first there is no rule; after the last, its own. */
export type UnwindTable = {
  /** Virtual addresses where the rule changes, ascending; relative to `base`. */
  starts: Uint32Array;
  /** For each start, the packed rule (rule.ts). */
  rules: Uint32Array;
  /** Virtual address that starts are relative to: that of the first executable segment. */
  base: number;
  /** Why parts have no rule: counts by reason, for people. */
  gaps: { [reason: string]: number };
};

/**
 * Makes the table of a whole file. A damaged entry spoils only the rest of its own range.
 *
 * @throws LeaklineError `unsupported` when the file is not for x86-64; `limit` when it is absurdly large.
 */
export function compileUnwindTable(elf: ElfFile): UnwindTable {
  if (elf.machine !== EM_X86_64 || !elf.is64)
    throw new LeaklineError("unsupported", `${elf.name}: unwind tables are made for x86-64 only`);
  const code = codeRange(elf);
  const rows = new RuleRows(code.start);
  const readers = [findEhFrame, findDebugFrame].map((find) => openFrames(elf, find, rows));
  runPrograms(readers, sortEntries(readers, code, rows), code, rows);
  return { ...rows.columns(), base: code.start, gaps: rows.gaps };
}

/** The packed rule at a virtual address; NO_RULE where none is known. */
export function lookupRule(table: UnwindTable, address: number): number {
  const { starts, rules } = table;
  const wanted = address - table.base;
  if (!(wanted >= 0 && wanted < 2 ** 32)) return NO_RULE;
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 ? rules[low - 1] : NO_RULE;
}

/** Of `.eh_frame` and `.debug_frame`; undefined where the file has none. */
type Readers = (FrameReader | undefined)[];

type Range = { start: number; end: number };

/** From the first executable segment to the end of the last. */
function codeRange(elf: ElfFile): Range {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const segment of elf.segments) {
    if (segment.type !== PT_LOAD || !(segment.flags & PF_X)) continue;
    start = Math.min(start, segment.address);
    end = Math.max(end, segment.address + segment.memorySize);
  }
  if (start >= end) return { start: 0, end: 0 };
  return { start, end: Math.min(end, start + 2 ** 32 - 1) };
}

function openFrames(elf: ElfFile, find: typeof findEhFrame, rows: RuleRows): FrameReader | undefined {
  try {
    const section = find(elf);
    return section && new FrameReader(elf, section);
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    rows.gaps[error.message] = 1;
    return undefined;
  }
}

/** FDE number *i* stands at `positions[i]` of its section; the first `ehFrameCount` are those of `.eh_frame`. */
type Entries = {
  positions: number[];
  ehFrameCount: number;
  /** Sorted: start, from the first byte of the code, times MAX_FDES, plus i. */
  keys: Float64Array;
};

/** Reads all FDEs of code once. */
function sortEntries(readers: Readers, code: Range, rows: RuleRows): Entries {
  const positions: number[] = [];
  const keys: number[] = [];
  const [ehFrameCount] = readers.map((reader) => {
    while (reader?.next()) {
      if (!isInside(reader, code)) continue;
      if (positions.length === MAX_FDES) throw new LeaklineError("limit", `more than ${MAX_FDES} FDEs`);
      keys.push((reader.start - code.start) * MAX_FDES + positions.length);
      positions.push(reader.position);
    }
    if (reader?.damaged) rows.gaps["damaged entry"] = (rows.gaps["damaged entry"] ?? 0) + reader.damaged;
    return positions.length;
  });
  return { positions, ehFrameCount, keys: Float64Array.from(keys).sort() };
}

/** Runs the programs in the order of addresses; adds "no rule" wherever there is none. */
function runPrograms(readers: Readers, entries: Entries, code: Range, rows: RuleRows): void {
  const programs = readers.map((reader) => reader && new FrameProgram(reader, rows));
  let damaged = 0;
  let end = code.start;
  let ehFrameEnd = code.start;
  for (const key of entries.keys) {
    const index = key % MAX_FDES;
    const isDebug = index >= entries.ehFrameCount;
    const reader = readers[isDebug ? 1 : 0]!;
    reader.readAt(entries.positions[index]);
    const { start, size } = reader;
    if (isDebug && start < ehFrameEnd) continue;
    if (start - end >= MIN_GAP) rows.add(end, "code without an entry");
    try {
      programs[isDebug ? 1 : 0]!.run();
    } catch (error) {
      if (!(error instanceof LeaklineError) || error.code === "limit") throw error;
      if (++damaged === MAX_DAMAGED) break;
    }
    end = start + size;
    if (!isDebug) ehFrameEnd = Math.max(ehFrameEnd, end);
  }
  rows.add(end, NO_RULE);
}

/** What linkers drop keeps an entry, for address 0 or for what is no code. */
function isInside({ start, size }: FrameReader, code: Range): boolean {
  return start !== 0 && start >= code.start && size > 0 && start + size <= code.end;
}

/**
 * Smaller holes between entries are the padding that aligns functions. Nothing runs there, and to continue the rule of
 * the function before makes tables smaller by a fifth.
 */
const MIN_GAP = 16;
/** Room for a 32-bit start and a number below this in the 53 bits of an integer. Browsers have about a million. */
const MAX_FDES = 1 << 21;
/** Damaged programs after which the rest is not read: each costs an exception. */
const MAX_DAMAGED = 1000;
