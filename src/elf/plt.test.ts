import { join } from "node:path";
import { expect, test } from "vitest";
import { fixture, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { hex, virtualAddress } from "../base/address.ts";
import { findPltStub, isInPlt, pltStubs } from "./index.ts";

/** What `objdump -d` labels as a stub: `0000000000001030 <puts@plt>:`. */
function labels(objdump: string, path: string): string[] {
  const sections = [".plt", ".plt.sec", ".plt.got", ".iplt"].map((name) => `--section=${name}`);
  const lines = run(objdump, "-d", ...sections, path).matchAll(/^([0-9a-f]+) <(.*@plt)>:$/gm);
  return Array.from(lines, ([, address, name]) => `${address.replace(/^0+/, "")} ${name}`).sort();
}

function stubs(path: string): string[] {
  return pltStubs(openPath(path))
    .map(({ address, name }) => `${hex(address)} ${name}`)
    .sort();
}

const CASES = [
  ...REAL_FILES.map((path) => [path, "objdump"]),
  [fixture("shapes-i686"), "objdump"],
  [fixture("shapes-i686-exec"), "objdump"],
  [fixture("shapes-aarch64"), "aarch64-linux-gnu-objdump"],
  [fixture("shapes-aarch64-bti"), "aarch64-linux-gnu-objdump"],
  [fixture("shapes-arm"), "arm-linux-gnueabihf-objdump"],
];

test.for(CASES)("the stubs of %s are those that %s labels", ([path, objdump], context) => {
  needTools(context, path, objdump);
  const expected = labels(objdump, path);
  expect(expected.length).toBeGreaterThan(3);
  expect(stubs(path)).toEqual(expected);
});

const LINKS = [
  ["lazy", "-Wl,-z,lazy"],
  ["not lazy", "-Wl,-z,now"],
  ["lazy with branch protection", "-Wl,-z,lazy", "-fcf-protection", "-Wl,-z,ibtplt"],
  ["not lazy with branch protection", "-Wl,-z,now", "-fcf-protection", "-Wl,-z,ibtplt"],
  ["without PIE", "-no-pie"],
  ["by lld", "-fuse-ld=lld"],
];

test.for(LINKS)("x86-64, linked %s", ([, ...options], context) => {
  needTools(context, "gcc", "objdump", "ld.lld");
  const program = join(temporaryDirectory(), "program");
  run("gcc", "-O1", ...options, "-o", program, fixture("shapes.c"));
  const expected = labels("objdump", program);
  expect(expected.length).toBeGreaterThan(1);
  expect(stubs(program)).toEqual(expected);
});

test("every address of a stub finds it, and none before the first or behind the last does", (context) => {
  needTools(context, "/bin/bash");
  const elf = openPath("/bin/bash");
  const found = pltStubs(elf);
  for (const [i, stub] of found.entries()) {
    expect(findPltStub(found, stub.address)).toBe(stub);
    expect(isInPlt(elf, stub.address)).toBe(true);
    expect(isInPlt(elf, virtualAddress(stub.address + stub.size - 1))).toBe(true);
    expect(findPltStub(found, virtualAddress(stub.address + stub.size - 1))).toBe(stub);
    if (i > 0) expect(found[i - 1].address + found[i - 1].size).toBeLessThanOrEqual(stub.address);
  }
  const last = found[found.length - 1];
  expect(findPltStub(found, virtualAddress(found[0].address - 1))).toBeUndefined();
  expect(findPltStub(found, virtualAddress(last.address + last.size))).toBeUndefined();
});

test("a machine whose stubs are not known has none", () => {
  expect(pltStubs(openPath(fixture("shapes-powerpc")))).toEqual([]);
});
