import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, openBytes, openPath } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { readelfSymbols } from "../../test/support/readelf.ts";
import { virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { miniDebugInfo, symbolIndex } from "./index.ts";

/** Makes a program with MiniDebugInfo, by the steps in the GDB manual. */
function makeProgram(): { original: string; stripped: string } {
  const directory = temporaryDirectory();
  const [original, stripped, mini] = ["original", "stripped", "mini"].map((name) => join(directory, name));
  run("gcc", "-g", "-O1", "-o", original, fixture("shapes.c"));
  run(
    "objcopy",
    "-S",
    "--remove-section=.comment",
    "--keep-symbol=main",
    "--keep-symbol=local_function",
    original,
    mini,
  );
  run("xz", "--keep", mini);
  run("objcopy", "--strip-all", `--add-section=.gnu_debugdata=${mini}.xz`, original, stripped);
  return { original, stripped };
}

test("symbols that were stripped are found in .gnu_debugdata", (context) => {
  needTools(context, "gcc", "objcopy", "xz", "readelf");
  const { original, stripped } = makeProgram();
  const row = readelfSymbols(original)
    .get(".symtab")!
    .find(({ name }) => name === "local_function")!;
  const address = virtualAddress(Number(`0x${row.value}`));
  const elf = openPath(stripped);
  expect(symbolIndex(elf).findSymbol(address)).toBeUndefined();
  const inner = miniDebugInfo(elf)!;
  expect(symbolIndex(inner).findSymbol(address)).toMatchObject({ name: "local_function", address, size: row.size });
  expect(inner.buildId).toBe(openPath(original).buildId);
});

test("a file without it has none", () => {
  expect(miniDebugInfo(openPath(fixture("shapes-i686")))).toBeUndefined();
});

test("damage to it is an error that says where", (context) => {
  needTools(context, "gcc", "objcopy", "xz");
  const { stripped } = makeProgram();
  const bytes = readFileSync(stripped);
  const { offset, size } = openBytes("stripped", bytes).section(".gnu_debugdata")!;
  bytes[offset + (size >> 1)] ^= 0x40;
  const elf = openBytes("damaged", bytes);
  expect(() => miniDebugInfo(elf)).toThrow(LeaklineError);
});
