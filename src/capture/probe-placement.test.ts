/** Places against the disassembly by objdump, and against rules worked out by hand. */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { hasTool } from "../../test/support/programs.ts";
import { findEmulated, isEmulatedAt, placeProbe } from "./probe-placement.ts";

const bytes = (text: string): Uint8Array => Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));
/** `ret`s, so that the function goes on. */
const REST = " c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3 c3";

describe("by hand", () => {
  test.each([
    ["push is emulated where it is", "55", 0],
    ["push %r12 too", "41 54", 0],
    ["behind endbr64 stands a push", "f3 0f 1e fa 55", 4],
    ["glibc's free: test %rdi,%rdi; je", "48 85 ff 0f 84 bf 00 00 00", 3],
    ["glibc's posix_memalign: cmpb $0,x(%rip); push", "80 3d 01 02 14 00 00 41 54", 7],
    ["glibc's mmap: mov %ecx,%r10d; test $0xfff,%r9d; jne", "41 89 ca 41 f7 c1 ff 0f 00 00 75 14", 10],
    ["a thread-local load: mov %fs:0x28,%rax; push", "64 48 8b 04 25 28 00 00 00 55", 9],
    ["mov $1,%eax; push", "b8 01 00 00 00 53", 5],
  ])("%s", (_what, code, distance) => {
    expect(placeProbe(bytes(code + REST))).toBe(distance);
  });

  test.each([
    ["mov %rsi,%rdi changes an argument", "48 89 f7 55"],
    ["sub $8,%rsp moves the stack", "48 83 ec 08 55"],
    ["mov %rsp,%rbp changes the frame pointer", "48 89 e5 55"],
    ["xor %edx,%edx changes an argument", "31 d2 55"],
    ["lea 8(%rsi),%r8 changes an argument", "4c 8d 46 08 55"],
    ["mul is not known", "48 f7 e2 55"],
    ["a system call is not known", "b8 0b 00 00 00 0f 05 55"],
    ["nothing is emulated in reach", Array(24).fill("84 c0").join(" ")],
    ["the code ends", "48 85"],
    ["there is no code", "48"],
  ])("stays at the entry: %s", (_what, code) => {
    expect(placeProbe(bytes(code))).toBe(0);
  });

  test("stays at the entry when a jump leads back to the place", () => {
    // test %rdi,%rdi; push %rbp; …; jmp to the push: at 4, target 3.
    expect(placeProbe(bytes("48 85 ff 55 eb fd c3"))).toBe(0);
    // The same, to the entry itself: every round is a call of its own to the probe at 3, but at 0 it would be too.
    expect(placeProbe(bytes("48 85 ff 55 eb fa c3"))).toBe(3);
  });
});

describe("any emulated instruction, to measure on", () => {
  test.each([
    [
      "lea 0x80(%rdi),%edx changes an argument, which does not matter; cmp; ja",
      "8d 97 80 00 00 00 81 fa 7f 01 00 00 77 0a",
      12,
    ],
    ["push is the first", "55", 0],
    ["mul is not known", "48 f7 e2 55", undefined],
  ])("%s", (_what, code, distance) => {
    expect(findEmulated(bytes(code + REST))).toBe(distance);
  });

  test("tells push from mov", () => {
    expect(isEmulatedAt(bytes("48 89 e5 55"), 0)).toBe(false);
    expect(isEmulatedAt(bytes("48 89 e5 55"), 3)).toBe(true);
  });
});

const LIBRARIES = ["/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"];

describe.skipIf(!hasTool("objdump") || !hasTool("nm"))("in every exported function of a library", () => {
  test.each(LIBRARIES)(
    "%s: the place is the start of an instruction that the kernel emulates",
    (library) => {
      const functions = exportedFunctions(library);
      const starts = instructionsAt(library);
      const code = readFileSync(library);
      let moved = 0;
      for (const { address, size } of functions) {
        // In both libraries the text segment is loaded at its file offset.
        const distance = placeProbe(code.subarray(address, address + size));
        if (distance === 0) continue;
        moved++;
        expect(starts.get(address + distance), `0x${address.toString(16)}+${distance}`).toMatch(
          /^(push +%r|nop$|j[a-z]+ |call )/,
        );
      }
      expect(moved).toBeGreaterThan(100);
    },
    120_000,
  );
});

function exportedFunctions(library: string): { address: number; size: number }[] {
  const text = execFileSync("nm", ["-DS", "--defined-only", library], { encoding: "utf8", maxBuffer: 1 << 28 });
  return [...text.matchAll(/^([0-9a-f]+) ([0-9a-f]+) [TW] /gm)].map(([, address, size]) => ({
    address: Number.parseInt(address, 16),
    size: Number.parseInt(size, 16),
  }));
}

/** By address: mnemonic and operands. */
function instructionsAt(library: string): Map<number, string> {
  const args = ["-d", "--no-show-raw-insn", library];
  const text = execFileSync("objdump", args, { encoding: "utf8", maxBuffer: 1 << 30 });
  return new Map(
    [...text.matchAll(/^ +([0-9a-f]+):\t(.*)$/gm)].map(([, address, what]) => [Number.parseInt(address, 16), what]),
  );
}
