/**
 * The files that ELF tests read: the distribution's own, and the committed ones for machines that CI is not.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { memorySource } from "../../src/base/bytes.ts";
import { decompress } from "../../src/compress/index.ts";
import { type ElfFile, openElf } from "../../src/elf/index.ts";

export const REAL_FILES = [
  "/usr/lib/x86_64-linux-gnu/libc.so.6",
  "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
  "/bin/bash",
  process.execPath,
];

const FOLDER = new URL("../fixtures/elf/", import.meta.url).pathname;

/** Path of a committed file. */
export function fixture(name: string): string {
  return join(FOLDER, name);
}

export const FIXTURES = readdirSync(FOLDER)
  .filter((name) => name.startsWith("shapes-"))
  .map(fixture);

/** Opens a file that is read into memory at once. */
export function openPath(path: string): ElfFile {
  return openBytes(path, readFileSync(path));
}

export function openBytes(name: string, bytes: Uint8Array): ElfFile {
  return openElf(memorySource(name, bytes), { decompress });
}
