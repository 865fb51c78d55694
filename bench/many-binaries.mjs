/**
 * A process that resolves addresses of 200 different binaries of this machine, over and over, as one that traces for days
 * would: its memory and its open files have to stay where they are.
 *
 * `npm run bench -- many-binaries`
 */

import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../scripts/setup.mjs";

const COUNT = 200;
const ROUNDS = 3;
const ADDRESSES = 200;
const FOLDERS = ["/usr/lib", "/usr/bin", "/usr/libexec"];
/** Decompressed sections of a larger one would be all that is measured. */
const MAX_SIZE = 300e6;

export async function benchManyBinaries() {
  const { openLocalModule } = await import(join(ROOT, "dist/symbolize/local/local-module.js"));
  const { ModuleCache, DEFAULT_MODULE_MEMORY, DEFAULT_OPEN_FILES } = await import(
    join(ROOT, "dist/symbolize/module-cache.js")
  );
  const files = largestBinaries();
  const megabytes = files.reduce((sum, { size }) => sum + size, 0) / 1e6;
  console.log(
    `\n${files.length} binaries, ${megabytes.toFixed(0)} MB, ${ADDRESSES} addresses of each, ${ROUNDS} times`,
  );
  console.log(`budget: ${DEFAULT_OPEN_FILES} open files, ${DEFAULT_MODULE_MEMORY >> 20} MB of modules`);
  const cache = new ModuleCache();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { path }] of files.entries()) {
      const module = cache.get(path, () => openLocalModule(path));
      module.findEach(addressesIn(module), false, () => {});
      if ((i + 1) % 50 === 0)
        console.log(
          `round ${round + 1}, ${i + 1} binaries: ${residentMegabytes()} MB resident, ${openFiles()} open files`,
        );
    }
  }
  cache.close();
}

/** Evenly spread over the segment with the code. */
function addressesIn(module) {
  const code = module.elf.segments.find(({ type, flags }) => type === 1 && flags & 1);
  if (!code) return [];
  return Array.from({ length: ADDRESSES }, (_, i) => code.address + Math.floor((code.memorySize * i) / ADDRESSES));
}

function largestBinaries() {
  const found = new Map();
  for (const folder of FOLDERS)
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name);
      const { size, dev, ino } = statSync(path);
      if (size > 100_000 && size < MAX_SIZE && isElf(path)) found.set(`${dev}:${ino}`, { path, size });
    }
  return [...found.values()].sort((a, b) => b.size - a.size).slice(0, COUNT);
}

/** An executable or a library: ET_EXEC or ET_DYN. */
function isElf(path) {
  const header = Buffer.alloc(18);
  const fd = openSync(path);
  try {
    readSync(fd, header, 0, header.length, 0);
  } finally {
    closeSync(fd);
  }
  return header.toString("latin1", 0, 4) === "\x7fELF" && (header[16] === 2 || header[16] === 3);
}

function residentMegabytes() {
  return Math.round(process.memoryUsage.rss() / 1e6);
}

function openFiles() {
  return readdirSync("/proc/self/fd").length;
}
