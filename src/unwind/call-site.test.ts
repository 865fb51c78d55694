/** Where calls end, against the disassembly of real programs, and against the assembler for operands that are rare in them. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openPath } from "../../test/support/elf-files.ts";
import { needTools, pipe, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { CALL_SIZE, endsWithCall } from "./call-site.ts";

type Instruction = { address: number; end: number; isCall: boolean };

/** Prefixes (REX, bnd, notrack, segments, 66) stand before the name or not at all. */
const CALL = /^(?:(?:bnd|notrack|data16|addr32|[c-g]s|rex\S*) )*(?:call|bl\b|blr|blra)/;

function disassemble(objdump: string, path: string): Instruction[] {
  const lines = run(objdump, "-d", "-w", "-z", "-j", ".text", path).matchAll(/^ +([0-9a-f]+):\t([0-9a-f ]+)\t(.+)$/gm);
  return [...lines].map(([, digits, bytes, text]) => {
    const address = Number.parseInt(digits, 16);
    const size = bytes.replaceAll(" ", "").length / 2;
    return { address, end: address + size, isCall: CALL.test(text) };
  });
}

/** Of all instructions: calls that are not seen, and others taken for calls. */
function judge(path: string, instructions: readonly Instruction[], architecture: "x86_64" | "arm64") {
  const elf = openPath(path);
  const section = elf.section(".text")!;
  const text = elf.source.read(section.offset, section.size);
  const missed: string[] = [];
  let calls = 0;
  let others = 0;
  let wrong = 0;
  for (const { address, end, isCall } of instructions) {
    const at = end - section.address;
    if (at < CALL_SIZE || at > text.length) continue;
    const found = endsWithCall(text.subarray(at - CALL_SIZE, at), architecture);
    if (isCall) calls++;
    else others++;
    if (isCall && !found) missed.push(address.toString(16));
    if (!isCall && found) wrong++;
  }
  return { calls, missed, wrongShare: wrong / others };
}

describe("x86-64", () => {
  test.each(["/lib/x86_64-linux-gnu/libc.so.6", "/usr/bin/python3", "/lib/x86_64-linux-gnu/libstdc++.so.6"])(
    "%s: every call, and hardly anything else",
    (path) => {
      const { calls, missed, wrongShare } = judge(path, disassemble("objdump", path), "x86_64");
      expect(missed).toEqual([]);
      expect(calls).toBeGreaterThan(5000);
      // The bytes of an operand may look like a call.
      expect(wrongShare).toBeLessThan(0.01);
    },
  );

  test("every form of operand, and jumps, pushes and far calls by the same forms", (context) => {
    needTools(context, "as", "objdump");
    const registers = ["rax", "rcx", "rbx", "rsp", "rbp", "rsi", "r8", "r12", "r13", "r15"];
    const memory = registers.flatMap((base) => ["", "8", "-0x70", "0x1234"].map((shift) => `${shift}(%${base})`));
    const indexed = registers.flatMap((base) => ["", "8", "0x1234"].map((shift) => `${shift}(%${base},%r9,4)`));
    const operands = [...memory, ...indexed, "0x1234(,%rax,8)", "0x1234(%rip)", "0x1234", "%fs:0x10", "%gs:(%rdi)"];
    const targets = [...operands, ...registers.map((name) => `%${name}`)].map((operand) => `*${operand}`);
    const calls = [...targets, ".", ".+0x1000"].map((operand) => `call ${operand}`);
    // ff with 0, 3, 4, 5 and 6 in the middle of ModR/M.
    const others = [
      ...targets.map((operand) => `jmp ${operand}`),
      ...operands.flatMap((operand) => [`push ${operand}`, `lcall *${operand}`, `ljmp *${operand}`, `incl ${operand}`]),
    ];
    const program = join(temporaryDirectory(), "calls");
    // What stands before an instruction must not look like a call itself.
    const lines = [...calls, ...others].flatMap((line) => ["nopw 0x0(%rax,%rax,1)", "nop", "nop", line]);
    writeFileSync(`${program}.s`, `.text\n${lines.join("\n")}\n`);
    run("as", "-o", program, `${program}.s`);
    const instructions = disassemble("objdump", program);
    const tested = instructions.filter((_, i) => i % 4 === 3);
    const found = judge(program, tested.slice(0, calls.length), "x86_64");
    expect(found).toMatchObject({ calls: calls.length, missed: [] });
    expect(judge(program, tested.slice(calls.length), "x86_64")).toMatchObject({ calls: 0, wrongShare: 0 });
  });

  test("fewer bytes than a call may have are no call", () => {
    expect(endsWithCall(Uint8Array.of(0xff, 0xd0), "x86_64")).toBe(false);
  });
});

test("arm64: every call and nothing else", (context) => {
  const path = "/usr/aarch64-linux-gnu/lib/libc.so.6";
  needTools(context, "aarch64-linux-gnu-objdump", path);
  const { calls, missed, wrongShare } = judge(path, disassemble("aarch64-linux-gnu-objdump", path), "arm64");
  expect(missed).toEqual([]);
  expect(calls).toBeGreaterThan(5000);
  expect(wrongShare).toBe(0);
});

test("the eBPF program's own function, compiled for this machine, says the same of all that may stand there", (context) => {
  needTools(context, "cc");
  const header = readFileSync(new URL("../../bpf/walk.bpf.h", import.meta.url), "utf8");
  const source = /^static __noinline bool follows_call[\s\S]*?^}\n/m.exec(header)?.[0];
  const program = join(temporaryDirectory(), "follows-call");
  writeFileSync(
    `${program}.c`,
    `#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#define __noinline
typedef unsigned char __u8;
typedef unsigned long __u64;
static int bpf_probe_read_user(void *to, int size, const void *from) { memcpy(to, from, size); return 0; }
${source}
int main(void) { __u8 code[7]; while (fread(code, 7, 1, stdin)) putchar(follows_call((__u64)code + 7)); return 0; }
`,
  );
  run("cc", "-O1", "-w", "-o", program, `${program}.c`);
  // ff at each place, with all pairs of bytes after it; the others say nothing.
  const codes: number[] = [];
  for (let place = 0; place < CALL_SIZE - 1; place++) {
    for (let pair = 0; pair < 0x10000; pair++) {
      const code = [0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];
      code.splice(place, 3, ...[0xff, pair & 0xff, pair >> 8].slice(0, CALL_SIZE - place));
      codes.push(...code);
    }
  }
  for (let byte = 0; byte < 0x100; byte++) codes.push(0x90, 0x90, byte, 0x90, 0x90, 0x90, 0x90);
  const input = Uint8Array.from(codes);
  const ours = Uint8Array.from({ length: input.length / CALL_SIZE }, (_, i) =>
    Number(endsWithCall(input.subarray(i * CALL_SIZE, (i + 1) * CALL_SIZE), "x86_64")),
  );
  expect(Buffer.compare(pipe(input, program), ours)).toBe(0);
});
