/** What a batch found is written without frames; the other way, over frames, has to say the same to the byte. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeAddresses } from "../../test/support/dwarf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { moduleAt } from "../../test/support/symbolize-files.ts";
import type { VirtualAddress } from "../base/address.ts";
import { ByteOutput } from "../base/byte-output.ts";
import { printable } from "../base/printable.ts";
import { renderAddress, writeAddress } from "./symbols.ts";

const CODE = `
#include <map>
#include <string>
template <typename T> static inline T twice(T value) { return value + value; }
struct Named { std::map<std::string, int> all; int find(const std::string &name) { return twice(all[name]); } };
__attribute__((noinline)) int look(Named &named, int count) {
  int sum = 0;
  for (int i = 0; i < count; i++) sum += named.find(std::string(i, 'x'));
  return sum;
}
extern "C" int plain(int value) { return twice(value) - 1; }
int main(int count, char **) { Named named; return look(named, count) + plain(count); }
`;

function build(...flags: string[]): string {
  const [source, program] = ["a.cc", "program"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(source, CODE);
  run("g++", ...flags, "-o", program, source);
  return program;
}

type Written = { chains: number; text: string; rendered: string };

/** All addresses, written as chains where there are any, and rendered from frames. */
function bothWays(path: string, addresses: readonly VirtualAddress[], inlines: boolean, isReturn: boolean): Written {
  const written: Written = { chains: 0, text: "", rendered: "" };
  const out = new ByteOutput((bytes) => {
    written.text += Buffer.from(bytes).toString("utf8");
    return true;
  });
  const render = (frames: Parameters<typeof renderAddress>[0], index: number): string =>
    printable(renderAddress(frames.map((frame) => ({ ...frame, address: BigInt(addresses[index]) }))));
  const module = moduleAt(path);
  const take = (frames: object[], index: number): void => out.text(render(frames as never, index));
  module.findEach(addresses, isReturn, take, {
    inlines,
    takeChain(chain, index) {
      out.commit();
      const isWritten = writeAddress(out, addresses[index], addresses[index], chain, inlines);
      if (!isWritten) out.undo();
      written.chains += isWritten ? 1 : 0;
      return isWritten;
    },
  });
  out.flush();
  module.findEach(addresses, isReturn, (frames, i) => (written.rendered += render(frames as never, i)), { inlines });
  return written;
}

test.for([
  ["with debug information", ["-O2", "-g"], [] as string[]],
  ["of DWARF 4, without inlining", ["-O0", "-gdwarf-4"], []],
  ["without debug information", ["-O2"], []],
  ["stripped", ["-O2"], ["strip"]],
] as const)("a program %s, in any order", ([, flags, tools], context) => {
  needTools(context, "g++", "readelf", "strip");
  const path = build(...flags);
  const addresses = codeAddresses(path, 3);
  for (const tool of tools) run(tool, path);
  // Neither ascending nor descending.
  const mixed = addresses.map((_, i) => addresses[(i * 7919) % addresses.length]);
  for (const inlines of [true, false])
    for (const isReturn of [true, false]) {
      const { chains, text, rendered } = bothWays(path, mixed, inlines, isReturn);
      expect(text).toBe(rendered);
      if (tools.length === 0) expect(chains).toBeGreaterThan(mixed.length / 2);
    }
});

test("control characters in names are shown, not sent to the terminal", (context) => {
  needTools(context, "g++", "readelf");
  const path = build("-O2", "-g");
  const bytes = readFileSync(path, "latin1").replaceAll("plain\0", "p\u001b[2J\0");
  writeFileSync(path, bytes, "latin1");
  const { text, rendered } = bothWays(path, codeAddresses(path, 1), true, false);
  expect(text).toBe(rendered);
  expect(text).toContain(": p\\u001b[2J @ 0x");
  expect(text).not.toContain("\u001b");
});
