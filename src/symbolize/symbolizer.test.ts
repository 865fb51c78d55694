import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../test/support/oracle.ts";
import { compile, hasTool, temporaryDirectory } from "../../test/support/programs.ts";
import { decompress } from "../compress/decompress.ts";
import { openFile } from "../os/file-bytes.ts";
import type { FileProvider } from "./file-provider.ts";
import type { Frame } from "./frame.ts";
import { localFiles } from "./local/local-files.ts";
import { recordingOfMaps, SAVED_PROCESS } from "./saved-maps.ts";
import { Symbolizer } from "./symbolizer.ts";

const directory = temporaryDirectory();

/** Many functions, so that their line table is worth reading only once. */
const SOURCE = `${Array.from({ length: 500 }, (_, i) => `int f${i}(int x) {\n  return x * ${i} + 1;\n}`).join("\n")}
int main(int count, char **arguments) { return f0(count); }
`;

describe.skipIf(!hasTool("gcc") || !hasTool("addr2line") || !hasTool("readelf"))("resolveAll", () => {
  const program = join(directory, "many");
  const START = 0x55550000_0000n;
  let text: { address: number; size: number };

  beforeAll(() => {
    // Each address is its file offset, so that the mapping below is easy to follow.
    compile(program, SOURCE, ["-g", "-Wl,-z,noseparate-code"]);
    const fields = run("readelf", "-SW", program)
      .split("\n")
      .find((line) => line.includes(" .text "))
      ?.trim()
      .split(/\s+/);
    const at = fields?.indexOf(".text") ?? 0;
    text = { address: Number.parseInt(fields?.[at + 2] ?? "", 16), size: Number.parseInt(fields?.[at + 4] ?? "", 16) };
    expect(fields?.[at + 3].endsWith(text.address.toString(16))).toBe(true);
  });

  function symbolizer(): Symbolizer {
    const end = START + BigInt(text.address + text.size + 4096);
    const maps = `${START.toString(16)}-${end.toString(16)} r-xp 00000000 fe:00 1 ${program}\n`;
    return new Symbolizer(recordingOfMaps(maps, "maps"), localFiles({}));
  }

  test("gives 100,000 answers in the order of the addresses, as addr2line does", () => {
    // A fixed sequence that visits all of .text, in no order.
    const offsets = Array.from({ length: 100_000 }, (_, i) => text.address + ((i * 7919) % text.size));
    const frames = symbolizer().resolveAll(
      SAVED_PROCESS,
      offsets.map((offset) => START + BigInt(offset)),
      false,
    );
    const distinct = [...new Set(offsets)];
    const input = distinct.map((offset) => offset.toString(16));
    const expected = new Map<number, string>();
    for (let from = 0; from < input.length; from += 4000) {
      const lines = run("addr2line", "-fe", program, ...input.slice(from, from + 4000)).split("\n");
      for (let i = from; i < Math.min(from + 4000, input.length); i++)
        expected.set(distinct[i], `${lines[2 * (i - from)]} ${lines[2 * (i - from) + 1]}`.replace(/ \(disc.*/, ""));
    }
    let compared = 0;
    for (const [i, offset] of offsets.entries()) {
      const { address, symbol, file, line } = frames[i].at(-1) as Frame;
      expect(address).toBe(START + BigInt(offset));
      if (file === undefined) continue; // start files have no debug information
      expect(`${symbol} ${file}:${line}`).toBe(expected.get(offset));
      compared++;
    }
    expect(compared).toBeGreaterThan(90_000);
  });

  test("opens each file once, and anew after reopen", () => {
    let opened = 0;
    const files: FileProvider = {
      candidates: () => [
        () => {
          opened++;
          return openFile(program);
        },
      ],
      debugDirectories: [],
      decompress,
    };
    const maps = `1000-${(text.address + text.size + 8192).toString(16)} r-xp 00000000 fe:00 1 ${program}\n`;
    const resolver = new Symbolizer(recordingOfMaps(maps, "maps"), files);
    const address = BigInt(0x1000 + text.address);
    const first = resolver.resolve(SAVED_PROCESS, address, false);
    expect(resolver.resolve(SAVED_PROCESS, address, false)).toEqual(first);
    expect(opened).toBe(1);
    resolver.reopen();
    expect(resolver.resolve(SAVED_PROCESS, address, false)).toEqual(first);
    expect(opened).toBe(2);
  });
});

describe("an address in no file", () => {
  const MAPS = `
1000-2000 rwxp 00000000 00:00 0 
2000-3000 r-xp 00000000 00:00 0 [anon:code cache]
3000-4000 r-xp 00000000 00:00 0 [uprobes]
4000-5000 r-xp 00000000 00:01 7 /memfd:doublemapper (deleted)
5000-6000 r-xp 00000000 fe:00 7 /none/lib.so
6000-7000 rw-p 00000000 00:00 0 
`;
  const resolve = (address: bigint): Frame =>
    new Symbolizer(recordingOfMaps(MAPS, "maps"), localFiles({})).resolve(SAVED_PROCESS, address, false)[0];

  test.each([
    [0x1010n, "[jit]", /generated at run time; its perf map was not recorded/],
    [0x2010n, "[jit]", /generated at run time; its perf map was not recorded/],
    [0x3010n, undefined, /\[uprobes\], the kernel's own memory/],
    [0x4010n, "/memfd:doublemapper (deleted)", /no such file/],
    [0x5010n, "/none/lib.so", /no such file/],
    [0x6010n, undefined, /not in any executable mapping/],
    [0x7000n, undefined, /not in any executable mapping/],
    [2n ** 64n - 1n, undefined, /not in any executable mapping/],
  ])("%s says why: %s", (address, module, reason) => {
    const frame = resolve(address);
    expect(frame).toMatchObject({ address, inlined: false, reason: expect.stringMatching(reason) });
    expect([frame.module, frame.symbol]).toEqual([module, undefined]);
  });
});
