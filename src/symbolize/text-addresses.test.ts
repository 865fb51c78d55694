import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findAddresses, isPerfFrame } from "./text-addresses.ts";

/** What is found, in short: the text with its brackets, `r` for a return address, `=` for a whole line. */
function found(line: string, isInStack = false): string[] {
  return findAddresses(line, isInStack).map(({ start, end, address, inFile, isReturnAddress, isWholeLine }) => {
    const places = [address?.toString(16), inFile && `${inFile.path}+${inFile.virtualAddress.toString(16)}`];
    const marks = `${isReturnAddress ? "r" : ""}${isWholeLine ? "=" : ""}`;
    return `${line.slice(start, end)} ${places.filter((place) => place !== undefined).join(" ")} ${marks}`.trimEnd();
  });
}

describe("findAddresses", () => {
  // Lines as the programs print them.
  test.each<[program: string, line: string, found: string[]]>([
    ["the tutorial", "[  0] 0x56076afcb6f2", ["0x56076afcb6f2 56076afcb6f2 r="]],
    ["memleak", "  0 [<0000555b65a096f2>]", ["[<0000555b65a096f2>] 555b65a096f2 r="]],
    ["memleak", "1 [<0000555b65a096f2>] alloc_v3+0x18", ["[<0000555b65a096f2>] 555b65a096f2 r="]],
    ["bcc memleak.py", "\t\t0x000055e0a1b2c3d4\tmain+0x1f [server]", ["0x000055e0a1b2c3d4 55e0a1b2c3d4 ="]],
    ["gdb", "#0  0x00007ffff7e2a1ca in raise ()", ["0x00007ffff7e2a1ca 7ffff7e2a1ca ="]],
    ["gdb", "#1  0x0000555555555139 in main ()", ["0x0000555555555139 555555555139 r="]],
    ["Rust", "   1: 0x55d4c5e3f139 - std::rt::lang_start", ["0x55d4c5e3f139 55d4c5e3f139 r="]],
    ["valgrind", "==12==    by 0x109156: main (x.c:5)", ["0x109156 109156 ="]],
    [
      "AddressSanitizer",
      "    #1 0x7f1c2d629d8f  (/lib/x86_64-linux-gnu/libc.so.6+0x29d8f) (BuildId: c289da)",
      ["0x7f1c2d629d8f 7f1c2d629d8f /lib/x86_64-linux-gnu/libc.so.6+29d8f ="],
    ],
    ["AddressSanitizer", "    #1 0x4f2a1c in main /src/x.c:3:5", ["0x4f2a1c 4f2a1c ="]],
    ["AddressSanitizer", "0x602000000010 is located 0 bytes inside of", ["0x602000000010 602000000010 ="]],
    ["backtrace_symbols", "./server(+0x1189) [0x55d4c5e3f189]", ["[0x55d4c5e3f189] 55d4c5e3f189 ./server+1189 r="]],
    ["backtrace_symbols", "./server(main+0x1a) [0x55d4c5e3f189]", ["[0x55d4c5e3f189] 55d4c5e3f189 r="]],
    ["backtrace_symbols", "/usr/bin/server(+0x1189)", ["(+0x1189) /usr/bin/server+1189 r"]],
    ["backtrace_symbols", "./server(main+0x1a)", []],
    ["perf script", "\t    55d4c5e3f139 main+0x10 (/home/me/server)", ["55d4c5e3f139 55d4c5e3f139 ="]],
    ["perf script", "\tffffffff81a00a2b [unknown] ([kernel.kallsyms])", ["ffffffff81a00a2b ffffffff81a00a2b ="]],
    ["the kernel", " ? do_sys_open+0x1f/0x30 [nf_tables]", []],
    ["the kernel", "RIP: 0010:nft_do_chain+0xab/0x610 [nf_tables]", []],
    ["the kernel", "RIP: 0033:0x7f1c2d629d8f", ["0x7f1c2d629d8f 7f1c2d629d8f"]],
    ["the kernel", "[<ffffffff8100f3d4>] ? show_stack+0x14/0x20", ["[<ffffffff8100f3d4>] ffffffff8100f3d4 r="]],
    ["any log", "worker at 0x55d4c5e3f139, then 0xABC.", ["0x55d4c5e3f139 55d4c5e3f139", "0xABC abc"]],
    ["any log", "f(ptr=0x10) = 0x20", ["0x10 10", "0x20 20"]],
    ["any log", "commit c0ffee11 at 12:30, 100x200, a0x10, -0x8(%rbp), $0x10, 0x1g, 0x12345678123456789", []],
    ["any log", "  1024 bytes in use (total)", []],
    ["a maps file", "55d4c5e3e000-55d4c5e3f000 r-xp 00001000 fe:00 1  /bin/x", []],
  ])("%s: %s", (_program, line, expected) => {
    expect(found(line)).toEqual(expected);
  });

  test("takes the frames of perf script behind the first for callers", () => {
    const line = "\t    55d4c5e3f139 main+0x10 (/home/me/server)";
    expect(isPerfFrame(line)).toBe(true);
    expect(found(line, true)).toEqual(["55d4c5e3f139 55d4c5e3f139 r="]);
  });

  test("reads the build ID that a sanitizer prints, and a path with blanks", () => {
    const [{ inFile }] = findAddresses("in f (/a b/lib.so+0x10) (BuildId: 00C0ffee)");
    expect(inFile).toEqual({ path: "/a b/lib.so", buildId: "00c0ffee", virtualAddress: 16n });
  });

  test("whatever the line, what is found stands in it, in order and apart", () => {
    const piece = fc.constantFrom(
      "0x",
      "[<",
      ">]",
      "(",
      ")",
      "+0x",
      "12ab",
      " ",
      "\t",
      "/",
      "#1  ",
      "[0x12]",
      "é",
      "x",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const line = pieces.join("");
        let last = 0;
        for (const { start, end } of findAddresses(line)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(line.length);
      }),
    );
  });

  // Each takes minutes when an expression goes back over what it has read.
  test.each(["(", "(a", "((+0x1", "a", " ", "0x", "[<0", "#", "(+0x", "\t", "1", " ("])(
    "a line of %j is done soon",
    (piece) => {
      const line = piece.repeat((1 << 20) / piece.length);
      expect(findAddresses(line).every(({ end }) => end <= line.length)).toBe(true);
    },
  );
});
