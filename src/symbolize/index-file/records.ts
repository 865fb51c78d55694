/**
 * What an answer consists of in an index: strings, functions, and nodes.
 *
 * A *node* is one frame: its function, and its place in the source; through its parent it stands for the frames around
 * it too, so that what is inlined in the same place shares them. Parents stand before their children: a chain always
 * ends. A *function* is what does not differ between the places in it. All refer to each other by offset; 0 means none,
 * for the first byte of nodes and strings is never used.
 */

import type { ModuleFrame } from "../frame.ts";

/** Longest string, in bytes of UTF-8. */
export const MAX_STRING = 1 << 20;
/** Frames of one answer. */
export const MAX_CHAIN = 1 << 12;
/** Other names of one function. */
export const MAX_ALIASES = 1 << 12;

/** Which fields a function record has, in the order in which they stand. */
export const HAS_SYMBOL = 1;
export const HAS_SYMBOL_SOURCE = 2;
export const HAS_REASON = 4;
export const HAS_SECTION = 8;
/** Where the offset is counted from: the function's first byte. */
export const HAS_START = 16;
/** Where the address in the module is counted from: 0 in a linked file, else the section. */
export const HAS_BASE = 32;
export const HAS_SIZE = 64;
export const HAS_ALIASES = 128;

/** A function as it is in the file, with its strings read. */
export type FunctionRecord = {
  symbol: string | undefined;
  symbolSource: string | undefined;
  reason: string | undefined;
  section: string | undefined;
  start: number | undefined;
  base: number | undefined;
  size: number | undefined;
  aliases: string[] | undefined;
};

/** Every field of a frame, and whether it is the function's. One that is not here would be lost: the compiler complains. */
const FIELDS: Readonly<Record<keyof ModuleFrame, "function" | "place">> = {
  symbol: "function",
  offset: "function",
  size: "function",
  file: "place",
  line: "place",
  column: "place",
  inlined: "place",
  moduleAddress: "function",
  section: "function",
  aliases: "function",
  symbolSource: "function",
  lineSource: "place",
  reason: "function",
};

/** Whether an index gives these frames, those of `address`, back as they are. */
export function canHold(frames: readonly ModuleFrame[], address: number): boolean {
  const last = frames.at(-1);
  if (!last || last.inlined || frames.length > MAX_CHAIN || (last.aliases?.length ?? 0) > MAX_ALIASES) return false;
  return frames.every((frame) => {
    for (const key of Object.keys(frame)) if (!(key in FIELDS)) return false;
    const { file, symbol, line, column, size, aliases, offset, reason, moduleAddress, section } = frame;
    if (!isCount(line) || !isCount(column) || !isCount(size)) return false;
    const { symbolSource, lineSource } = frame;
    const texts = [file, symbol, reason, symbolSource, lineSource, ...(aliases ?? [])];
    if (!texts.every(isPlainText)) return false;
    // Kept as what they count from.
    const counts = [offset, moduleAddress].filter((value) => value !== undefined);
    if (!counts.every((value) => Number.isSafeInteger(value) && Number.isSafeInteger(address - value))) return false;
    if (frame === last) return true;
    const isBare = (offset ?? size ?? aliases ?? reason) === undefined;
    return frame.inlined && isBare && moduleAddress === last.moduleAddress && section === last.section;
  });
}

/** 0 stands for undefined where lines and columns are written. */
function isCount(value: number | undefined): boolean {
  return value === undefined || (Number.isSafeInteger(value) && value > 0);
}

/**
 * Whether a text is the same after it was written as UTF-8, short enough, and has no control characters: so what comes
 * from an index may be printed as it is. Names that have any are not kept.
 */
export function isPlainText(text: string | undefined): boolean {
  return text === undefined || (text.length <= MAX_STRING / 3 && !/[\p{Surrogate}\p{Cc}]/u.test(text));
}
