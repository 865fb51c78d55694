/** Which functions keep their frame: the length of every instruction by objdump, and code written by hand. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { compile } from "../../test/support/programs.ts";
import { virtualAddress } from "../base/address.ts";
import { openElf, readSymbols, virtualToFileOffset } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { instructionLength } from "./instruction-length.ts";
import { keepsFrame } from "./keeps-frame.ts";

/** Compilers' code for user space, with vector instructions of all kinds. */
const LIBRARIES = ["libc.so.6", "libm.so.6", "libstdc++.so.6"]
  .flatMap((name) => ["/lib/x86_64-linux-gnu", "/usr/lib64"].map((folder) => join(folder, name)))
  .filter((path) => existsSync(path));

/** By hand: these are for kernels, transactions, or memory keys. */
const UNKNOWN = /^(xtest|xbegin|xend|rdpkru|wrpkru|cld|std)\b/;

test("an instruction is as long as objdump says", (context) => {
  needTools(context, "objdump");
  if (LIBRARIES.length === 0) {
    if (process.env.CI) throw new Error("a library of x86-64 is needed in CI and not there");
    context.skip("no library of x86-64 to look at");
  }
  let known = 0;
  for (const library of LIBRARIES) {
    for (const line of run("objdump", "-d", "-w", "-j", ".text", library).split("\n")) {
      const [, bytes, text] = /^ +[0-9a-f]+:\t((?:[0-9a-f]{2} )+) *\t(\S.*)$/.exec(line) ?? [];
      // objdump shows fwait and the instruction behind it as one.
      if (bytes === undefined || bytes.startsWith("9b ") || UNKNOWN.test(text)) continue;
      const code = Uint8Array.from(bytes.trim().split(" "), (byte) => Number.parseInt(byte, 16));
      // What follows must not matter.
      const length = instructionLength(Uint8Array.of(...code, 0x24, 0x05, 0x66, 0xff, 0xff, 0xff, 0xff, 0xff), 0);
      if (length !== code.length) expect.fail(`${library}: ${line}: ${length}`);
      known++;
    }
  }
  expect(known).toBeGreaterThan(100_000);
}, 120_000);

test("an instruction that is cut off has no length", () => {
  // mov $0x12345678, %eax; call; add 0x12345678(%rax,%rbx), %ecx
  for (const code of [
    [0xb8, 0x78, 0x56, 0x34, 0x12],
    [0xe8, 0, 0, 0, 0],
    [0x03, 0x8c, 0x18, 0x78, 0x56, 0x34, 0x12],
  ]) {
    expect(instructionLength(Uint8Array.from(code), 0)).toBe(code.length);
    for (let length = 0; length < code.length; length++) {
      expect(instructionLength(Uint8Array.from(code.slice(0, length)), 0)).toBeUndefined();
    }
  }
});

test("a function keeps its frame when it ends only in returns, or in a call that does not return", () => {
  // call +0x1000; ret
  expect(keepsFrame(Uint8Array.of(0xe8, 0, 0x10, 0, 0, 0xc3))).toBe(true);
  // push %rbx; test %edi, %edi; je .+3; ud2; pop %rbx; ret
  expect(keepsFrame(Uint8Array.of(0x53, 0x85, 0xff, 0x74, 2, 0x0f, 0x0b, 0x5b, 0xc3))).toBe(true);
  // push %rbx; call +0x1000
  expect(keepsFrame(Uint8Array.of(0x53, 0xe8, 0, 0x10, 0, 0))).toBe(true);
});

test.each([
  ["a jump to another function", [0x53, 0x5b, 0xe9, 0, 0x10, 0, 0, 0xc3]],
  ["a conditional one", [0x85, 0xff, 0x0f, 0x84, 0, 0x10, 0, 0, 0xc3]],
  ["a short one", [0x74, 0x40, 0xc3]],
  ["one to before the function", [0xeb, 0xf0, 0xc3]],
  ["one into the middle of an instruction", [0x74, 1, 0xb8, 0, 0, 0, 0, 0xc3]],
  ["one to an address in a register", [0xff, 0xe0, 0xc3]],
  ["one to an address in memory, with prefix and REX", [0x3e, 0x41, 0xff, 0x63, 8, 0xc3]],
  ["one by a register of the upper half", [0x41, 0xff, 0xe3, 0xc3]],
  ["code that runs on into the next function", [0x53, 0x5b]],
  ["an instruction that is cut off", [0xc3, 0xe8, 0, 0]],
  ["one that is not known", [0xc7, 0xf8, 0, 0, 0, 0, 0xc3]],
  ["nothing at all", []],
])("it does not keep its frame with %s", (_, code) => {
  expect(keepsFrame(Uint8Array.from(code))).toBe(false);
});

test("what a compiler makes of a tail call does not keep its frame, of a call it does", (context) => {
  needTools(context, "gcc");
  if (process.arch !== "x64") context.skip("x86-64 only");
  const source = `void *other(unsigned long, int);
void *calls(unsigned long n) { char *p = other(n, 1); return p ? p + 1 : 0; }
void *jumps(unsigned long n) { return other(n * 2, 3); }
void *jumps_at_times(unsigned long n, void *(*how)(unsigned long)) { return n > 8 ? how(n) : 0; }
`;
  const object = compile(join(temporaryDirectory(), "calls.so"), source, ["-O2", "-shared", "-fPIC"]);
  const file = openFile(object);
  try {
    const { segments } = openElf(file);
    const symbols = readSymbols(openElf(file), ".dynsym")!;
    const keeps = Object.fromEntries(
      [...symbols.rowsNamed(new Set(["calls", "jumps", "jumps_at_times"]))].map((row) => {
        const offset = virtualToFileOffset(segments, virtualAddress(symbols.values[row]))!;
        return [symbols.name(row), keepsFrame(file.read(offset, symbols.sizes[row]))];
      }),
    );
    expect(keeps).toEqual({ calls: true, jumps: false, jumps_at_times: false });
  } finally {
    file.close();
  }
});
