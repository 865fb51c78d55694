/**
 * Finds the addresses in a line of any log.
 *
 * Four shapes are known, and everything else is left alone:
 *
 *     0x56076afcb6f2                         whatever prints %p: gdb, valgrind, sanitizers, memleak
 *     [<0000555b65a096f2>]                   memleak, and kernels before 4.10
 *     (/usr/lib/libfoo.so+0x1234), (+0x12)   sanitizers and backtrace_symbols(3): a virtual address in a file
 *         55d4c5e3f139 main+0x10 (/bin/foo)  perf script: without any mark, so only as a whole line
 *
 * What follows a `+` or a `/` is an offset or a size (`main+0x10/0x20`), not an address. No expression here can take
 * more than linear time, whatever the line.
 */

/** An address in a line. Positions count characters. */
export type FoundAddress = {
  /** Its text, with the brackets around it: [start, end). */
  readonly start: number;
  readonly end: number;
  /** Absolute; undefined when only its place in a file is given. */
  readonly address: bigint | undefined;
  readonly inFile: AddressInFile | undefined;
  /** It belongs to a caller: the call is the instruction before it. */
  readonly isReturnAddress: boolean;
  /** The line is about this address and nothing else: a stack frame. */
  readonly isWholeLine: boolean;
};

/** An address that a line gives by its file. */
export type AddressInFile = {
  /** As printed: a path, perhaps relative, or empty. */
  readonly path: string;
  /** Lower-case hexadecimal; empty when it is not printed. */
  readonly buildId: string;
  readonly virtualAddress: bigint;
};

const ABSOLUTE = /\[<([0-9a-f]{8,16})>\]|(?<![\w+/.$%-])0x([0-9a-f]{1,16})(?!\w)/gi;
const IN_FILE = /\(([^()]*)\+0x([0-9a-f]{1,16})\)(?: \(BuildId: ([0-9a-f]{2,128})\))?/gi;
/** The address stands right-aligned in sixteen columns behind a tabulator (sample__fprintf_callchain in perf). */
const PERF_SCRIPT = /^\s(?=[ 0-9a-f]{16} \S) *([0-9a-f]{1,16}) /;
/** All that stands in front of the address of a stack frame: its number, in the ways of different programs. */
const FRAME_START = /^[\s#\d:[\]=]*(?:at |by )?$/;
const LONGEST_FRAME_START = 40;

/**
 * The addresses of a line, from left to right.
 *
 * @param isInStack the line before it was a frame of `perf script`, so this one's is its caller.
 */
export function findAddresses(line: string, isInStack = false): FoundAddress[] {
  if (isPerfFrame(line)) return [perfFrame(line, isInStack)];
  const absolute = line.includes("0x") || line.includes("[<") ? findAbsolute(line) : [];
  const inFile = line.includes("+0x") ? findInFile(line) : [];
  if (absolute.length === 1 && inFile.length === 1) return [bothWays(absolute[0], inFile[0])];
  return [...absolute, ...inFile.filter((found) => found.inFile)].sort((a, b) => a.start - b.start);
}

/** A frame of `perf script`, which has no mark but its layout: an address in its column, a symbol, a file in parentheses. */
export function isPerfFrame(line: string): boolean {
  return PERF_SCRIPT.test(line) && line.trimEnd().endsWith(")") && line.includes(" (");
}

function perfFrame(line: string, isInStack: boolean): FoundAddress {
  const digits = (PERF_SCRIPT.exec(line) as RegExpExecArray)[1];
  const start = line.indexOf(digits);
  const address = BigInt(`0x${digits}`);
  return {
    start,
    end: start + digits.length,
    address,
    inFile: undefined,
    isReturnAddress: isInStack,
    isWholeLine: true,
  };
}

function findAbsolute(line: string): FoundAddress[] {
  const matches = [...line.matchAll(ABSOLUTE)];
  return matches.map((match) => {
    const isInBrackets = line[match.index - 1] === "[" && line[match.index + match[0].length] === "]";
    const start = match.index - (isInBrackets ? 1 : 0);
    const before = start > LONGEST_FRAME_START ? undefined : line.slice(0, start);
    return {
      start,
      end: match.index + match[0].length + (isInBrackets ? 1 : 0),
      address: BigInt(`0x${match[1] ?? match[2]}`),
      inFile: undefined,
      isReturnAddress: match[1] !== undefined || (before !== undefined && isCaller(before)),
      isWholeLine: matches.length === 1 && before !== undefined && FRAME_START.test(before),
    };
  });
}

/**
 * Does what stands in front of an address say that it is a return address? `[  1] ` is memleak's, all of whose addresses
 * are. `#1  ` is gdb's and `1: ` Rust's, whose first is not. Sanitizers (`    #1 `) and valgrind print the call itself.
 */
function isCaller(before: string): boolean {
  if (/^\s*\[\s*\d+\]\s+$/.test(before)) return true;
  const number = /^\s*(?:#(\d+) {2,}|(\d+): +)$/.exec(before);
  return number !== null && Number(number[1] ?? number[2]) > 0;
}

function findInFile(line: string): FoundAddress[] {
  return [...line.matchAll(IN_FILE)].map((match) => {
    // Sanitizers print the path inside, backtrace_symbols in front, where a symbol or nothing stands inside.
    const isPathInside = match[1].includes("/");
    const path = isPathInside ? match[1] : wordBefore(line, match.index);
    // An offset into a symbol is no address in the file.
    const isAddress = isPathInside || match[1] === "";
    const virtualAddress = BigInt(`0x${match[2]}`);
    return {
      start: match.index,
      end: match.index + match[0].length,
      address: undefined,
      inFile: isAddress ? { path, buildId: (match[3] ?? "").toLowerCase(), virtualAddress } : undefined,
      isReturnAddress: !isPathInside,
      isWholeLine: false,
    };
  });
}

/** Longest path looked for, as the kernel's PATH_MAX (include/uapi/linux/limits.h). */
const MAX_PATH = 4096;

/** What stands directly in front of a position, up to a blank or parenthesis. */
function wordBefore(line: string, position: number): string {
  let start = position;
  while (start > 0 && position - start < MAX_PATH && !/[\s()]/.test(line[start - 1])) start--;
  return line.slice(start, position);
}

/** One frame that is printed both ways: the absolute address is asked first, and the answer belongs behind both. */
function bothWays(absolute: FoundAddress, inFile: FoundAddress): FoundAddress {
  return {
    ...absolute,
    inFile: inFile.inFile,
    // `./program(main+0x12) [0x55…]`: backtrace(3) gives return addresses only.
    isReturnAddress: absolute.isReturnAddress || inFile.isReturnAddress,
    isWholeLine: true,
  };
}
