import { describe, expect, test } from "vitest";
import type { Frame } from "../symbolize/frame.ts";
import { findAddresses } from "../symbolize/text-addresses.ts";
import { annotateLine, describeFrames } from "./annotate.ts";

function annotate(line: string, answers: readonly (string | undefined)[], replace = false): string {
  const annotations = findAddresses(line).map((found, index) => ({ found, text: answers[index] }));
  return annotateLine(line, annotations, replace);
}

describe("annotateLine", () => {
  test.each([
    ["crash at 0x1234 in worker", ["main+0x4 a.c:3"], "crash at 0x1234 main+0x4 a.c:3 in worker"],
    ["from [0x12] to 0x34", ["f+0x1", "g+0x2"], "from [0x12] f+0x1 to 0x34 g+0x2"],
    ["from 0x12 to 0x34", [undefined, "g+0x2"], "from 0x12 to 0x34 g+0x2"],
    ["  0 [<0000555b65a096f2>]", ["f+0x1"], "  0 [<0000555b65a096f2>] f+0x1"],
    ["#1  0x12 in main ()\r", ["f+0x1"], "#1  0x12 in main () f+0x1\r"],
    ["0x12  ", ["f+0x1"], "0x12 f+0x1"],
    ["a 0x12\r", [undefined], "a 0x12\r"],
  ])("%j", (line, answers, expected) => {
    expect(annotate(line, answers)).toBe(expected);
  });

  test("puts the answers in the place of the addresses", () => {
    expect(annotate("from [0x12] to 0x34, 0x56", ["f+0x1", "g+0x2", undefined], true)).toBe(
      "from f+0x1 to g+0x2, 0x56",
    );
    expect(annotate("  0 [<0000555b65a096f2>]", ["f+0x1"], true)).toBe("  0 f+0x1");
  });
});

describe("describeFrames", () => {
  const options = { fullPaths: false };
  const main: Frame = { address: 0x55n, symbol: "main", offset: 31, file: "/src/main.c", line: 40, inlined: false };

  test("says which function inlined which, innermost first", () => {
    const helper: Frame = { address: 0x55n, symbol: "helper", file: "/src/list.h", line: 12, inlined: true };
    expect(describeFrames([helper, main], options)).toBe("helper list.h:12, inlined in main+0x1f main.c:40");
    expect(describeFrames([main], { fullPaths: true })).toBe("main+0x1f /src/main.c:40");
  });

  test("gives at least the place in the file, unless the address says it itself", () => {
    const stripped = { address: 0x5555n, module: "/lib/libx.so", moduleAddress: 0x555, inlined: false };
    expect(describeFrames([stripped], options)).toBe("libx.so+0x555");
    expect(describeFrames([{ ...stripped, address: 0x555n }], options)).toBeUndefined();
    expect(describeFrames([{ address: 1n, inlined: false, reason: "not mapped" }], options)).toBeUndefined();
    expect(describeFrames([], options)).toBeUndefined();
  });
});
