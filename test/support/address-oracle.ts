/**
 * What an address means, by other tools and by hand: /proc/PID/maps and `readelf -l` for the place in the file, `nm` for
 * the function, `addr2line` for the line. Shares no code with src/.
 */

import { readFileSync } from "node:fs";
import { run } from "./oracle.ts";
import { readelfSegments } from "./readelf.ts";

/** The tutorial's subtraction over the text of /proc/PID/maps: the file, and the offset in it, of an address. */
export function placeOf(maps: string, address: bigint): { file: string; fileOffset: number } {
  for (const line of maps.split("\n")) {
    const row = /^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ +(\/.*?)(?: \(deleted\))?$/.exec(line);
    if (!row) continue;
    const [start, end] = [BigInt(`0x${row[1]}`), BigInt(`0x${row[2]}`)];
    if (address < start || address >= end) continue;
    return { file: row[4], fileOffset: Number(address - start) + Number.parseInt(row[3], 16) };
  }
  throw new Error(`0x${address.toString(16)} is in no executable mapping of a file`);
}

/** The virtual address of a file offset, by `readelf -l` of `path` (where the file lies now). */
export function virtualAddressOf(path: string, fileOffset: number): number {
  for (const { type, offset, fileSize, address } of readelfSegments(path)) {
    if (type !== "LOAD" || fileOffset < offset || fileOffset >= offset + fileSize) continue;
    return fileOffset - offset + Number(`0x${address}`);
  }
  throw new Error(`no segment of ${path} holds file offset ${fileOffset}`);
}

export function readMapsText(pid: number): string {
  return readFileSync(`/proc/${pid}/maps`, "utf8");
}

/** The function at a virtual address, by `nm`: all its names, and the distance from its start. */
export function nmFunction(path: string, address: number): { names: string[]; offset: number } {
  let start = -1;
  let names: string[] = [];
  for (const line of run("nm", "-C", "--defined-only", path).split("\n")) {
    const row = /^([0-9a-f]+) [tTwWi] (.*)$/.exec(line);
    const value = row ? Number(`0x${row[1]}`) : Number.POSITIVE_INFINITY;
    if (!row || value > address || value < start) continue;
    names = value === start ? [...names, row[2]] : [row[2]];
    start = value;
  }
  return { names, offset: address - start };
}

/** Where a function lies, by the symbol table of `nm`; undefined when the file does not define it. */
export function nmBounds(path: string, name: string): { start: number; size: number } | undefined {
  const row = new RegExp(`^([0-9a-f]+) ([0-9a-f]+) [tTwW] ${name}$`, "m").exec(run("nm", "-S", path));
  return row ? { start: Number(`0x${row[1]}`), size: Number(`0x${row[2]}`) } : undefined;
}

export type SourcePlace = { symbol: string; file: string; line: number };

/** Function, file and line of each address, by `addr2line`. */
export function addr2lines(path: string, addresses: readonly number[]): SourcePlace[] {
  const words = addresses.map((address) => `0x${address.toString(16)}`);
  const lines = run("addr2line", "-f", "-C", "-e", path, ...words).split("\n");
  return addresses.map((_, i) => {
    const [, file, line] = /^(.*):(\d+|\?)/.exec(lines[2 * i + 1]) ?? [];
    return { symbol: lines[2 * i], file, line: Number(line) };
  });
}

export function addr2line(path: string, address: number): SourcePlace {
  return addr2lines(path, [address])[0];
}
