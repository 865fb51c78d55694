/**
 * The kernel's own symbol table as text: /proc/kallsyms (kernel/kallsyms.c, `s_show`), a copy of it, or a System.map.
 *
 *     ffffffff81000000 T _text
 *     ffffffffc0a2b010 t nft_do_chain	[nf_tables]
 *     ffffffffc0312a40 t bpf_prog_6deef7357e7b4530_sched	[bpf]
 *
 * Two hundred thousand lines and more, so a symbol is a row of typed arrays and its name stays in the text. The table
 * has no sizes: a symbol reaches to the next one. That is only right within one piece of code, so the last symbol
 * before another module, or before data, is trusted to the end of its page and no further.
 *
 * A wrong name is worse than none. A damaged line may hide a symbol, so it stands in the table as one without a name:
 * at its address, or right behind the line before it when the address is what is damaged. Only the kernel's own symbols
 * are in order, though. In a module, the lost one may be anywhere; there, each other symbol then answers for its first
 * byte only.
 */

import { decodeText } from "../base/bytes.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { upperBound } from "../base/upper-bound.ts";

export type KernelSymbol = {
  name: string;
  /** Absolute, as a signed number (base/address.ts). */
  address: number;
  /** Bytes to the next symbol; undefined for the last of its kind. */
  size: number | undefined;
  /** Other names of the same address, at most 32. */
  aliases: string[];
  /** `nf_tables`, `bpf`, `__builtin__ftrace`; undefined for the kernel itself. */
  module: string | undefined;
};

/** Why no symbol contains an address, and the module of the one before it. */
export type NoKernelSymbol = { reason: string; module: string | undefined };

/**
 * Reads a symbol table.
 *
 * @param file its name, for messages.
 * @throws LeaklineError `permission` when the kernel hid all addresses, `malformed` when there is no symbol in it,
 * `limit`.
 */
export function parseKallsyms(file: string, bytes: Uint8Array): Kallsyms {
  return new Kallsyms(file, readRows(file, bytes));
}

export class Kallsyms {
  readonly file: string;
  /** What was damaged, for people. */
  readonly problems: readonly string[];
  private readonly rows: Rows;
  /** Row numbers by address, and the addresses in that order; of rows at one address, in the order of the file. */
  private readonly order: Uint32Array;
  private readonly sorted: Float64Array;

  constructor(file: string, rows: Rows) {
    this.file = file;
    this.rows = rows;
    this.problems = rows.problems;
    const { addresses } = rows;
    this.order = Uint32Array.from({ length: rows.count }, (_, row) => row);
    this.order.sort((a, b) => addresses[a] - addresses[b] || a - b);
    this.sorted = new Float64Array(rows.count);
    for (let i = 0; i < rows.count; i++) this.sorted[i] = addresses[this.order[i]];
  }

  /** The symbol that contains an address. */
  find(address: number): KernelSymbol | NoKernelSymbol {
    const { order, sorted, rows } = this;
    const behind = upperBound(sorted, address);
    if (behind === 0) return { reason: `below the first symbol of ${this.file}`, module: undefined };
    const start = sorted[behind - 1];
    let first = behind - 1;
    while (first > 0 && sorted[first - 1] === start) first--;
    const row = order[first];
    const next = behind < rows.count ? order[behind] : -1;
    const goesOn = next >= 0 && rows.modules[next] === rows.modules[row] && rows.isText[next] === rows.isText[row];
    const pageEnd = (Math.floor(start / PAGE_SIZE) + 1) * PAGE_SIZE;
    const end = goesOn ? sorted[behind] : Math.min(pageEnd, behind < rows.count ? sorted[behind] : pageEnd);

    const module = rows.moduleNames[rows.modules[row]];
    const names: string[] = [];
    for (let i = first; i < behind && names.length <= MAX_ALIASES; i++) {
      const name = this.name(order[i]);
      if (name !== "" && !names.includes(name)) names.push(name);
    }
    if (names.length === 0 || (address > start && rows.hasLost[rows.modules[row]]))
      return { reason: `a line of ${this.file} is damaged, and a symbol may begin there`, module };
    if (address - start > FAR) return { reason: "not in the kernel: no symbol is near it", module: undefined };
    if (address >= end) return { reason: `behind ${names[0]}, whose end is not known`, module };
    return {
      name: names[0],
      address: start,
      size: goesOn ? end - start : undefined,
      aliases: names.slice(1),
      module,
    };
  }

  /** The address of the kernel's own symbol of that name; undefined when there is none, or more than one. */
  addressOf(name: string): number | undefined {
    const wanted = new TextEncoder().encode(name);
    const { rows } = this;
    let found: number | undefined;
    for (let row = 0; row < rows.count; row++) {
      if (rows.modules[row] !== KERNEL_ITSELF || rows.nameEnds[row] - rows.nameStarts[row] !== wanted.length) continue;
      if (!isAt(rows.bytes, rows.nameStarts[row], wanted)) continue;
      if (found !== undefined) return undefined;
      found = rows.addresses[row];
    }
    return found;
  }

  /**
   * Functions of a module, or of the kernel itself, in the order of the file.
   *
   * @param limit most that are given.
   */
  functions(module: string | undefined, limit: number): { name: string; address: number }[] {
    const { rows } = this;
    const id = module === undefined ? KERNEL_ITSELF : rows.moduleNames.indexOf(module);
    const found: { name: string; address: number }[] = [];
    for (let row = 0; row < rows.count && found.length < limit; row++)
      if (rows.modules[row] === id && rows.isText[row] && rows.nameEnds[row] > rows.nameStarts[row])
        found.push({ name: this.name(row), address: rows.addresses[row] });
    return found;
  }

  private name(row: number): string {
    const { bytes, nameStarts, nameEnds } = this.rows;
    return decodeText(bytes.subarray(nameStarts[row], nameEnds[row]));
  }
}

/** Columns: row *i* of each is the *i*-th symbol of the file. */
type Rows = {
  bytes: Uint8Array;
  count: number;
  addresses: Float64Array;
  /** A name is `bytes[start, end)`: empty for a damaged line. */
  nameStarts: Uint32Array;
  nameEnds: Uint32Array;
  /** 1 for code, 0 for data. */
  isText: Uint8Array;
  /** Indexes into `moduleNames`. */
  modules: Uint16Array;
  moduleNames: (string | undefined)[];
  /** By the same index: 1 for a module that a line without its address may belong to. */
  hasLost: Uint8Array;
  problems: string[];
};

function readRows(file: string, bytes: Uint8Array): Rows {
  const capacity = countLines(bytes);
  const rows: Rows = {
    bytes,
    count: 0,
    addresses: new Float64Array(capacity),
    nameStarts: new Uint32Array(capacity),
    nameEnds: new Uint32Array(capacity),
    isText: new Uint8Array(capacity),
    modules: new Uint16Array(capacity),
    moduleNames: [undefined],
    hasLost: new Uint8Array(MAX_MODULES + 1),
    problems: [],
  };
  const modules = new Map<string, number>();
  const line: Line = { digits: 0, high: 0, low: 0, type: 0, nameStart: 0, nameEnd: 0, moduleStart: 0, moduleEnd: 0 };
  let damaged = 0;
  let hidden = 0;
  let isLost = false;
  for (let from = 0, number = 1; from < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, from);
    // A last line without its end may have lost more than that.
    const isSound = newline >= 0 && parseLine(bytes, from, newline, line);
    from = newline < 0 ? bytes.length : newline + 1;
    const address = line.digits === 8 ? line.low >>> 0 : line.high * 2 ** 32 + (line.low >>> 0);
    const row = rows.count;
    if (!isSound && damaged++ === 0) rows.problems.push(`${file}: line ${number} is damaged`);
    if (isSound) {
      if (address === 0) hidden++;
      // Absolute symbols are no places: offsets into per-CPU data, sizes, check sums.
      if (address === 0 || (line.type | LOWER) === TYPE_ABSOLUTE) continue;
      if (isMappingSymbol(bytes, line.nameStart, line.nameEnd)) continue;
      const type = line.type | LOWER;
      rows.nameStarts[row] = line.nameStart;
      rows.nameEnds[row] = line.nameEnd;
      rows.isText[row] = type === TYPE_TEXT || type === TYPE_WEAK ? 1 : 0;
      rows.modules[row] = line.moduleEnd === line.moduleStart ? KERNEL_ITSELF : moduleId(rows, modules, line);
      if (isLost) rows.hasLost[rows.modules[row]] = 1;
      isLost = false;
    } else {
      isLost ||= line.digits === 0;
      // In front of the first symbol there are no names anyway.
      if (row === 0) continue;
      rows.isText[row] = rows.isText[row - 1];
      rows.modules[row] = rows.modules[row - 1];
      if (line.digits === 0) rows.hasLost[rows.modules[row]] = 1;
    }
    rows.addresses[row] = line.digits > 0 ? address : rows.addresses[row - 1] + 1;
    rows.count++;
  }
  // The kernel's own symbols are sorted: there a lost one is between its neighbours.
  rows.hasLost[KERNEL_ITSELF] = 0;
  if (damaged > 1) rows.problems.push(`${file}: ${damaged - 1} more damaged lines`);
  if (!rows.nameEnds.some((end) => end > 0)) throw hidden > 0 ? hiddenError(file) : noSymbolsError(file);
  return rows;
}

function moduleId(rows: Rows, modules: Map<string, number>, line: Line): number {
  const name = decodeText(rows.bytes.subarray(line.moduleStart, line.moduleEnd));
  let id = modules.get(name);
  if (id === undefined) {
    id = rows.moduleNames.length;
    if (id > MAX_MODULES) throw new LeaklineError("limit", `kallsyms: more than ${MAX_MODULES} modules`);
    modules.set(name, id);
    rows.moduleNames.push(name);
  }
  return id;
}

/** One line, taken apart: reused for all of them. */
type Line = {
  /** 8 or 16 hexadecimal digits; 0 when the address is damaged. */
  digits: number;
  /** The address in two halves. */
  high: number;
  low: number;
  /** The letter that nm(1) explains. */
  type: number;
  nameStart: number;
  nameEnd: number;
  /** Empty range: no module. */
  moduleStart: number;
  moduleEnd: number;
};

/** Takes the line `bytes[from, end)` apart. Returns whether it is sound; `digits` is set in any case. */
function parseLine(bytes: Uint8Array, from: number, end: number, line: Line): boolean {
  let at = from;
  line.high = 0;
  line.low = 0;
  for (; at < end; at++) {
    const byte = bytes[at];
    const letter = byte | LOWER;
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
    if (digit < 0) break;
    line.high = (line.high << 4) | (line.low >>> 28);
    line.low = (line.low << 4) | digit;
  }
  const digits = at - from;
  line.digits = at < end && bytes[at] === SPACE && (digits === 8 || digits === 16) ? digits : 0;
  if (line.digits === 0 || end - at < 4 || bytes[at + 2] !== SPACE) return false;
  line.type = bytes[at + 1];
  if (line.type <= SPACE || line.type >= DELETE) return false;
  line.nameStart = at + 3;
  for (at += 3; at < end && bytes[at] > SPACE && bytes[at] !== DELETE; at++);
  line.nameEnd = at;
  line.moduleStart = at;
  line.moduleEnd = at;
  if (line.nameEnd === line.nameStart) return false;
  if (at === end) return true;
  if (end - at < 4 || bytes[at] !== TAB || bytes[at + 1] !== OPEN || bytes[end - 1] !== CLOSE) return false;
  line.moduleStart = at + 2;
  line.moduleEnd = end - 1;
  return true;
}

/** What assemblers leave behind to tell code from data (`$x`, `$d.1`), and their local labels. */
function isMappingSymbol(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === DOLLAR || (bytes[start] === DOT && end - start > 1 && bytes[start + 1] === LETTER_L);
}

function countLines(bytes: Uint8Array): number {
  let count = 1;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  if (count > MAX_LINES) throw new LeaklineError("limit", `kallsyms: more than ${MAX_LINES} lines`);
  return count;
}

function isAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

function hiddenError(file: string): LeaklineError {
  return new LeaklineError("permission", `${file}: the kernel hides its addresses (kptr_restrict)`, {
    hint: "run as root, and with kernel.kptr_restrict=2 also: sysctl -w kernel.kptr_restrict=1",
  });
}

function noSymbolsError(file: string): LeaklineError {
  return new MalformedError(file, "line", 1, "no symbol table: lines like `ffffffff81000000 T _text` are expected");
}

const NEWLINE = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const DELETE = 0x7f;
const DOLLAR = 0x24;
const DOT = 0x2e;
const LETTER_L = 0x4c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
/** Makes an ASCII letter lower-case. */
const LOWER = 0x20;
/** nm(1): the letters of symbol types, in lower case. */
const TYPE_ABSOLUTE = 0x61;
const TYPE_TEXT = 0x74;
const TYPE_WEAK = 0x77;

/** The smallest page of all architectures; code is mapped in whole pages. */
const PAGE_SIZE = 4096;
/** No function is longer: further behind a symbol is something else. */
const FAR = 16 << 20;
const KERNEL_ITSELF = 0;
const MAX_ALIASES = 32;
const MAX_MODULES = 0xffff;
/** Kernels have 200,000 lines; those with every driver built in, a million. */
const MAX_LINES = 1 << 22;
