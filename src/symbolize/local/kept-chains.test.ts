/** Answers that were kept by their numbers, as they are printed, are those that are kept from frames. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeAddresses } from "../../../test/support/dwarf-files.ts";
import { compile, hasTool, temporaryDirectory } from "../../../test/support/programs.ts";
import type { VirtualAddress } from "../../base/address.ts";
import { ByteOutput } from "../../base/byte-output.ts";
import { openElf } from "../../elf/index.ts";
import { openFile } from "../../os/file-bytes.ts";
import type { KeptAnswers } from "../file-provider.ts";
import type { ModuleFrame } from "../frame.ts";
import type { FrameChain } from "../frame-chain.ts";
import { type BatchOptions, Module } from "../module.ts";
import { IndexStore } from "./index-store.ts";
import { localFiles } from "./local-files.ts";

const SOURCE = `
template <typename T> static inline T twice(T value) { return value + value; }
template <typename T> static inline T thrice(T value) { return twice(value) + value; }
struct Base { virtual int run(int); virtual ~Base(); };
int Base::run(int value) { return thrice(value) * 5; }
Base::~Base() {}
extern "C" __attribute__((noinline)) int plain(int value) { return thrice(value) - twice(value + 1); }
int main(int count, char **) { Base base; return base.run(count) + plain(count); }
`;

/** What a run of its own says: frames, or nothing of what it printed. Without a folder, nothing is kept. */
function ask(
  path: string,
  folder: string | undefined,
  addresses: readonly VirtualAddress[],
  isReturn: boolean,
  options: BatchOptions,
): { frames: (ModuleFrame[] | undefined)[]; kept: number } {
  const store = folder === undefined ? undefined : new IndexStore(folder, "test");
  let kept = 0;
  const keptAnswers = (identity: string): KeptAnswers | undefined => {
    const answers = store?.of(identity);
    if (!answers) return undefined;
    return {
      look(wanted, isReturnAddress) {
        const found = answers.look(wanted, isReturnAddress);
        kept = wanted.filter((_, i) => found.has(i)).length;
        return found;
      },
      keep: (address, isReturnAddress, found) => answers.keep(address, isReturnAddress, found),
      keepChain: (wanted, chain) => answers.keepChain(wanted, chain),
      keepWhole: (ranges) => answers.keepWhole(ranges),
    };
  };
  const module = new Module(openElf(openFile(path)), path, { ...localFiles({}), keptAnswers });
  const frames: (ModuleFrame[] | undefined)[] = addresses.map(() => undefined);
  module.findEach(addresses, isReturn, (found, index) => (frames[index] = found), options);
  module.close();
  store?.save();
  expect(store?.refused ?? []).toEqual([]);
  return { frames, kept };
}

/** Writes every other one: texts that were written are kept as those bytes. */
function takeChain(chain: FrameChain, index: number): boolean {
  const out = new ByteOutput(() => true);
  for (let i = 0; i < chain.depth && index % 2 === 0; i++) {
    chain.writeSymbol(i, out);
    chain.writeFile(i, out);
  }
  return true;
}

test.skipIf(!hasTool("g++")).for([
  [["-O2", "-g"], false],
  [["-O2", "-g"], true],
  [["-O0", "-gdwarf-4"], false],
  [["-O2"], false],
] as const)("a C++ program built with %j, return addresses: %j", ([flags, isReturn]) => {
  const folder = temporaryDirectory();
  const path = compile(join(folder, "program"), SOURCE, [...flags, "-Wl,--build-id", "-xc++"], "g++");
  const all = codeAddresses(path, 1);
  // In no order, and some of them twice.
  const addresses = all.map((_, i) => all[(i * 7919) % all.length]).concat(all.slice(0, 50));
  const fresh = ask(path, undefined, addresses, isReturn, {}).frames;
  const chains = join(folder, "chains");
  const printed = ask(path, chains, addresses, isReturn, { takeChain });
  // Most of them went as chains, and all that last are kept.
  expect(printed.frames.filter((frames) => frames === undefined).length).toBeGreaterThan(addresses.length / 2);
  const again = ask(path, chains, addresses, isReturn, {});
  expect(again.frames).toStrictEqual(fresh);
  expect(again.kept).toBe(addresses.length);
  // A run that finds more adds it to what is there.
  const part = join(folder, "part");
  ask(path, part, addresses.slice(0, 100), isReturn, { takeChain });
  ask(path, part, addresses, isReturn, { takeChain });
  expect(ask(path, part, addresses, isReturn, {})).toStrictEqual(again);
});

test.skipIf(!hasTool("g++")).for([undefined, takeChain])(
  "an index that turns out to be damaged in the middle of a batch gives nobody the answer of another (%o)",
  (take) => {
    const folder = temporaryDirectory();
    // Names that fill several pages.
    const names = Array.from({ length: 300 }, (_, i) => `f${i}_${"x".repeat(200)}`);
    const code = names.map((name, i) => `int ${name}(int a) { return a * ${i}; }`).join("\n");
    const flags = ["-O1", "-g", "-shared", "-fPIC", "-nostdlib", "-Wl,--build-id"];
    const path = compile(join(folder, "library"), code, flags);
    const addresses = codeAddresses(path, 7).slice(0, 900);
    const fresh = ask(path, undefined, addresses, false, {}).frames;
    const cache = join(folder, "cache");
    ask(path, cache, addresses, false, {});
    const [index] = readdirSync(cache).map((name) => join(cache, name));
    const bytes = readFileSync(index);
    const at = bytes.indexOf("f150_");
    expect(at).toBeGreaterThan(0);
    bytes[at] ^= 1;
    writeFileSync(index, bytes);
    const store = new IndexStore(cache, "test");
    const module = new Module(openElf(openFile(path)), path, {
      ...localFiles({}),
      keptAnswers: (identity) => store.of(identity),
    });
    const frames: (ModuleFrame[] | undefined)[] = [...fresh];
    module.findEach(addresses, false, (found, i) => (frames[i] = found), take ? { takeChain: take } : {});
    module.close();
    expect(store.refused).toEqual([expect.stringContaining("wrong checksum")]);
    expect(frames).toStrictEqual(fresh);
  },
);

test.skipIf(!hasTool("g++"))("what was printed without inlined calls is not kept", () => {
  const folder = temporaryDirectory();
  const path = compile(join(folder, "program"), SOURCE, ["-O2", "-g", "-Wl,--build-id", "-xc++"], "g++");
  const addresses = codeAddresses(path, 1);
  ask(path, folder, addresses, false, { takeChain, inlines: false });
  expect(ask(path, folder, addresses, false, {}).kept).toBe(0);
});
