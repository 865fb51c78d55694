/** `leakline symbolize elf` over a relocatable file, as a user calls it. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { parseArguments } from "../../src/cli/command.ts";
import { symbolizeElf } from "../../src/cli/symbolize-elf.ts";
import { needTools, run, temporaryDirectory } from "../support/oracle.ts";
import { addressOf } from "../support/symbolize-files.ts";

async function symbolize(...words: string[]): Promise<string> {
  let output = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((bytes) => {
    output += typeof bytes === "string" ? bytes : Buffer.from(bytes).toString();
    return true;
  });
  try {
    expect(await symbolizeElf.run(parseArguments(symbolizeElf, words))).toBe(0);
  } finally {
    write.mockRestore();
  }
  return output;
}

test("addresses of an object file are offsets into .text, or into the section that --section names", async (context) => {
  needTools(context, "gcc", "addr2line");
  const [source, object] = ["a.c", "a.o"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(
    source,
    'int first(int x)\n{\n  return x + 1;\n}\n__attribute__((section(".init.text"))) int second(int x)\n{\n  return x * 2;\n}\n',
  );
  run("gcc", "-O0", "-g", "-c", "-o", object, source);
  for (const [section, name, options] of [
    [".text", "first", []],
    [".init.text", "second", ["--section", ".init.text"]],
  ] as const) {
    const expected = run("addr2line", "-j", section, "-fe", object, "0x6").trim().split("\n");
    expect(expected[0]).toBe(name);
    const line = (await symbolize("--path", object, ...options, "0x6")).trimEnd();
    expect(line.replace(/:\d+$/, "")).toBe(`0x00000000000006: ${name} @ 0x0+0x6 ${expected[1]}`);
  }
  const json = JSON.parse(await symbolize("--path", object, "--section", ".init.text", "--json", "0x6", "0x60"));
  expect(json.addresses[0].frames[0]).toMatchObject({ section: ".init.text", moduleAddress: "0x6", symbol: "second" });
  expect(json.addresses[1].reason).toBe("beyond the end of .init.text");
});

test("--section works in a linked file too", async (context) => {
  needTools(context, "gcc", "nm", "readelf");
  const [source, library] = ["a.c", "a.so"].map((name) => join(temporaryDirectory(), name));
  writeFileSync(source, "int only(int x) { return x; }\n");
  run("gcc", "-shared", "-nostdlib", "-o", library, source);
  expect(await symbolize("--path", library, "--section", ".text", "0x2")).toMatch(
    new RegExp(`^0x0+2: only @ 0x${addressOf(library, "only").toString(16)}\\+0x2 `),
  );
});
