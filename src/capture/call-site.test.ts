/** Code is written down here in bytes, from the manuals; endsWithCall itself is tested beside it, against objdump. */

import { expect, test } from "vitest";
import { openPath } from "../../test/support/elf-files.ts";
import { needTools, run } from "../../test/support/oracle.ts";
import type { StackEvent } from "../recording/events.ts";
import { CallSites, type CodeMemory } from "./call-site.ts";

/** 0x1000 to 0x1100 is code: nops, with an e8 call that ends at 0x1020 and `ff d0` at 0x1042; 0x5000 is data. */
function memory(reads?: bigint[]): CodeMemory {
  const code = new Uint8Array(0x100).fill(0x90);
  code.set([0xe8, 1, 0, 0, 0], 0x1b);
  code.set([0xff, 0xd0], 0x40);
  return {
    isCode: (address) => address >= 0x1000n && address < 0x1100n,
    read(address, length) {
      reads?.push(address);
      const at = Number(address - 0x1000n);
      return at >= 0 && at + length <= code.length ? code.subarray(at, at + length) : undefined;
    },
  };
}

function stack(...addresses: bigint[]): StackEvent {
  return { kind: "stack", stack: 1, pid: 1, class: "heap", end: "end", addresses };
}

test("a stack is cut at the first address that no call ends at, and says so", () => {
  const cut = new CallSites(memory(), "x86_64").cutRubbish(stack(0x1020n, 0x1042n, 0x1043n, 0x1020n), 1);
  expect(cut).toEqual({ ...stack(0x1020n, 0x1042n), end: "bad-frame" });
});

test("data is no code, whatever is in it", () => {
  expect(new CallSites(memory(), "x86_64").cutRubbish(stack(0x1020n, 0x5000n), 1).addresses).toEqual([0x1020n]);
});

test("frames before the given one are not looked at", () => {
  const whole = stack(0x1021n, 0x1020n);
  expect(new CallSites(memory(), "x86_64").cutRubbish(whole, 1)).toBe(whole);
});

test("when the process is gone, executable memory is all that is asked for", () => {
  const gone = { ...memory(), read: () => undefined };
  const cut = new CallSites(gone, "x86_64").cutRubbish(stack(0x1020n, 0x1033n, 0x5000n), 1);
  expect(cut.addresses).toEqual([0x1020n, 0x1033n]);
});

test("an address is looked up once", () => {
  const reads: bigint[] = [];
  const sites = new CallSites(memory(reads), "x86_64");
  sites.cutRubbish(stack(0x1020n, 0x1042n, 0x1042n), 1);
  sites.cutRubbish(stack(0x1042n), 0);
  expect(reads).toHaveLength(1);
});

test("libc's own place that signal handlers return to is none behind a call, and is kept", (context) => {
  const path = "/lib/x86_64-linux-gnu/libc.so.6";
  needTools(context, "objdump", path);
  const mov = /^ +([0-9a-f]+):.*mov +\$0xf,%rax\n.*syscall/m.exec(run("objdump", "-d", "-j", ".text", path));
  const address = BigInt(`0x${mov?.[1]}`);
  const elf = openPath(path);
  const text = elf.section(".text")!;
  const read = (at: bigint, length: number) => elf.source.read(Number(at) - text.address + text.offset, length);
  const sites = new CallSites({ isCode: () => true, read }, "x86_64");
  expect(sites.isReturnAddress(address)).toBe(true);
  expect(sites.isReturnAddress(address + 1n)).toBe(false);
});
