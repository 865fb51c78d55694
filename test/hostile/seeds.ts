/**
 * The small files that are damaged: between them, every version of DWARF, either byte order, both word sizes, and each
 * way of keeping debug information elsewhere. Their source and build script stand beside them.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { memorySource } from "../../src/base/bytes.ts";
import { decompress } from "../../src/compress/index.ts";
import { EM_ARM, STT_FUNC } from "../../src/elf/constants.ts";
import { layOutCode, openElf, readSymbols } from "../../src/elf/index.ts";

/** From the current directory, which is the project's: compiled, this file stands elsewhere. */
const FOLDER = resolve("test/fixtures/hostile");

/** Files by path, as a provider serves them; `main` is the one that is asked. */
export type Seed = {
  readonly name: string;
  readonly main: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Virtual addresses inside its functions. */
  readonly addresses: readonly number[];
};

const BESIDE: Record<string, string[]> = {
  dwz: ["shared.dwz"],
  split: ["split.dwo"],
  stripped: ["stripped.debug"],
};

export function readSeeds(): Seed[] {
  const others = new Set(Object.values(BESIDE).flat());
  return readdirSync(FOLDER)
    .filter((name) => !others.has(name) && !/\.(c|sh)$/.test(name))
    .map(readSeed);
}

export function readSeed(name: string): Seed {
  const files = new Map<string, Uint8Array>();
  for (const file of [name, ...(BESIDE[name] ?? [])]) files.set(`/${file}`, readFileSync(join(FOLDER, file)));
  const withSymbols = files.get(`/${name}.debug`) ?? files.get(`/${name}`);
  return { name, main: `/${name}`, files, addresses: functionAddresses(withSymbols as Uint8Array) };
}

/** The first, a middle and the last byte of every function; in a relocatable file, where leakline puts its sections. */
function functionAddresses(bytes: Uint8Array): number[] {
  const elf = openElf(memorySource("seed", bytes), { decompress });
  const layout = layOutCode(elf);
  const table = readSymbols(elf, ".symtab");
  const addresses: number[] = [];
  for (let row = 0; table && row < table.count; row++) {
    const size = table.sizes[row];
    if (table.type(row) !== STT_FUNC || size === 0) continue;
    const value = table.values[row] - (elf.machine === EM_ARM ? table.values[row] % 2 : 0);
    const start = value + (layout?.base(elf.sections[table.sectionIndexes[row]]) ?? 0);
    addresses.push(start, start + (size >> 1), start + size - 1);
  }
  return addresses;
}
