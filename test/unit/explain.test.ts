/** The walk-through's numbers against readelf, nm, llvm-dwarfdump and addr2line. */

import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { renderExplanation } from "../../src/report/explain.ts";
import { explainFileOffset, explainVirtual } from "../../src/symbolize/explain.ts";
import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import { compile, hasTool, temporaryDirectory } from "../support/programs.ts";

const folder = temporaryDirectory();
const SOURCE = `
#include <stdlib.h>
void *alloc_inner(int size)
{
	void *p = malloc(size);
	return p;
}
int main(void)
{
	return alloc_inner(4) == 0;
}
`;
const tools = ["gcc", "nm", "readelf", "llvm-dwarfdump", "addr2line"].map((tool) => hasTool(tool)).every(Boolean);

function tool(name: string, ...args: string[]): string {
  return execFileSync(name, args, { encoding: "utf8" });
}

describe.skipIf(!tools)("explain", () => {
  test.each([
    ["separate-code", ["-g", "-Wl,-z,separate-code"]],
    ["one segment", ["-g", "-Wl,-z,noseparate-code"]],
    ["not position-independent", ["-g", "-no-pie"]],
    ["text away from its file offset", ["-g", "-no-pie", "-Wl,-Ttext-segment=0x10000000"]],
  ])("%s: every step's numbers are the tools'", (name, flags) => {
    const program = compile(join(folder, name.replaceAll(" ", "-")), SOURCE, ["-O0", ...flags]);
    const start = Number.parseInt(/^([0-9a-f]+) T alloc_inner$/m.exec(tool("nm", program))?.[1] ?? "", 16);
    const address = start + 5;
    const explanation = explainVirtual(openLocalModule(program, []), address);

    // readelf -lW: the segment that holds it, and from that the file offset by hand.
    const segments = [...tool("readelf", "-lW", program).matchAll(/LOAD +0x(\S+) 0x(\S+) 0x\S+ 0x(\S+)/g)].map((row) =>
      row.slice(1).map((text) => Number.parseInt(text, 16)),
    );
    const [offset, base] = segments.find(([, from, size]) => from <= address && address < from + size) ?? [];
    expect(explanation.segments).toHaveLength(segments.length);
    expect(explanation.segment).toMatchObject({ offset, address: base });
    expect(explanation.fileOffset).toBe(address - base + offset);

    expect(explanation.symbols.find((symbol) => symbol.name === "alloc_inner")?.address).toBe(start);
    const die = tool("llvm-dwarfdump", "--name=alloc_inner", program);
    expect(die).toContain(`0x${(explanation.function?.offset ?? 0).toString(16).padStart(8, "0")}: DW_TAG_subprogram`);
    expect(explanation.function?.ranges[0].begin).toBe(start);

    const line = Number(/:(\d+)/.exec(tool("addr2line", "-e", program, `0x${address.toString(16)}`))?.[1]);
    expect(explanation.rows?.rows[explanation.rows.row].line).toBe(line);
    expect(explanation.frames).toMatchObject([{ symbol: "alloc_inner", offset: 5, line }]);

    // The same place by its file offset is the same explanation.
    const byOffset = explainFileOffset(openLocalModule(program, []), explanation.fileOffset ?? -1);
    expect(byOffset.address).toBe(address);
    expect(renderExplanation(undefined, byOffset)).toBe(renderExplanation(undefined, explanation));
  });

  test("an address in no segment is said to be in none", () => {
    const program = compile(join(folder, "nowhere"), SOURCE, ["-g"]);
    const explanation = explainVirtual(openLocalModule(program, []), 0x70000000);
    expect(explanation).toMatchObject({ fileOffset: undefined, segment: undefined, frames: [{ inlined: false }] });
    expect(renderExplanation(undefined, explanation)).toContain("0x70000000 is in no segment");
  });

  test("a stripped file's explanation says what is missing", () => {
    const program = compile(join(folder, "stripped"), SOURCE, ["-s"]);
    const text = renderExplanation(undefined, explainVirtual(openLocalModule(program, []), 0x1200));
    expect(text).toContain("There is no debug information");
    expect(text).toContain("No symbol table names a function of this file: it was stripped.");
  });
});
