import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { FIXTURES, fixture, openBytes, openPath, REAL_FILES } from "../../test/support/elf-files.ts";
import { needTools, pipe, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { type ReadelfSymbol, readelfSections, readelfSymbols } from "../../test/support/readelf.ts";
import { virtualAddress } from "../base/address.ts";
import { layOutCode, symbolIndex } from "./index.ts";

const OBJECT = 1;
const FUNC = 2;
const IFUNC = 10;
const [LOCAL, GLOBAL, WEAK, UNIQUE] = [0, 1, 2, 10];

/** A function symbol as readelf prints it, with its address as a number. */
type Function = ReadelfSymbol & { start: number; end: number };

function functionsOf(path: string, table: string): Function[] {
  const isArm = run("readelf", "-hW", path).includes("Machine:                           ARM");
  return (readelfSymbols(path).get(table) ?? [])
    .filter(({ type, section, size }) => (type === FUNC || type === IFUNC) && section !== 0 && size > 0)
    .map((row) => {
      const value = Number(`0x${row.value}`);
      const start = isArm ? value - (value % 2) : value;
      return { ...row, name: row.name.replace(/@.*/, ""), start, end: start + row.size };
    });
}

/** The rules, said once more in the plainest way: the latest start of all that contain the address, then the best bind. */
function bestOf(functions: Function[], address: number): { best: string[]; all: string[] } {
  const containing = functions.filter(({ start, end }) => start <= address && address < end);
  const latest = Math.max(...containing.map(({ start }) => start));
  const innermost = containing.filter(({ start }) => start === latest);
  const order = [[GLOBAL, UNIQUE], [WEAK], [LOCAL]].find((binds) =>
    innermost.some(({ bind }) => binds.includes(bind!)),
  );
  return {
    best: innermost.filter(({ bind }) => order?.includes(bind!)).map(({ name }) => name),
    all: [...new Set(innermost.map(({ name }) => name))],
  };
}

function tableOf(path: string): string {
  return readelfSymbols(path).has(".symtab") ? ".symtab" : ".dynsym";
}

describe.each([...REAL_FILES, ...FIXTURES.filter((path) => !path.endsWith(".o") && !path.endsWith("powerpc64"))])(
  "in %s",
  (path) => {
    test("the first, a middle and the last address of a function find it, with all its other names", (context) => {
      needTools(context, "readelf", path);
      const functions = functionsOf(path, tableOf(path));
      const index = symbolIndex(openPath(path));
      const step = Math.max(1, Math.floor(functions.length / 40));
      for (let i = 0; i < functions.length; i += step) {
        const { start, end } = functions[i];
        for (const address of [start, Math.floor((start + end) / 2), end - 1]) {
          const found = index.findSymbol(virtualAddress(address));
          const { best, all } = bestOf(functions, address);
          // A label without a size inside the function may be more precise; readelf's sized rows do not show it.
          if (found && found.size === 0 && found.address > start) continue;
          expect(best, `0x${address.toString(16)}`).toContain(found?.name);
          const names = [found!.name, ...found!.aliases];
          if (all.length <= 32) expect(all.filter((name) => !names.includes(name))).toEqual([]);
        }
      }
    });

    test("an address that no function's range and no executable section contains finds nothing", (context) => {
      needTools(context, "readelf", path);
      const index = symbolIndex(openPath(path));
      const code = readelfSections(path).filter(({ flags }) => flags.includes("X"));
      const lowest = Math.min(...code.map(({ address }) => Number(`0x${address}`)));
      const highest = Math.max(...code.map(({ address, size }) => Number(`0x${address}`) + Number(`0x${size}`)));
      for (const address of [-1, 0, lowest - 1, highest, highest + 0x1000000, 2 ** 52])
        expect(index.findSymbol(virtualAddress(address))).toBeUndefined();
    });
  },
);

describe.each(["arm", "aarch64", "riscv64", "i686", "powerpc", "s390x"])("labels, for %s", (machine) => {
  const path = fixture(`shapes-${machine}`);
  const index = symbolIndex(openPath(path));
  const nameAt = (address: number): string | undefined => index.findSymbol(virtualAddress(address))?.name;
  let rows: ReadelfSymbol[] = [];
  const at = (name: string): number => Number(`0x${rows.find((row) => row.name === name)!.value}`);
  beforeEach((context) => {
    needTools(context, "readelf");
    rows = readelfSymbols(path).get(".symtab")!;
  });
  // The layout is written in shapes.c: 16 bytes, inner_label, 16 bytes, end, 16 bytes, unsized_label, 16 bytes, …

  test("a label without a size answers inside a function, and the function before it", () => {
    expect(nameAt(at("sized_outer") + 15)).toBe("sized_outer");
    expect(nameAt(at("inner_label"))).toBe("inner_label");
    expect(nameAt(at("inner_label") + 15)).toBe("inner_label");
  });

  test("behind a function's end nothing answers, not even the label inside it", () => {
    expect(nameAt(at("sized_outer") + 32)).toBeUndefined();
    expect(nameAt(at("unsized_label") - 1)).toBeUndefined();
  });

  test("a label without a size reaches to the next symbol", () => {
    expect(index.findSymbol(virtualAddress(at("unsized_label") + 15))).toMatchObject({
      name: "unsized_label",
      address: at("unsized_label"),
      size: 0,
      source: ".symtab",
    });
    expect(nameAt(at("last_function"))).toBe("last_function");
  });

  test("of three names for one address the strong ones come first, and none is lost", () => {
    const found = index.findSymbol(virtualAddress(at("weak_alias")))!;
    expect(["global_function", "strong_alias"]).toContain(found.name);
    expect([found.name, ...found.aliases].sort()).toEqual(["global_function", "strong_alias", "weak_alias"]);
    expect(found.aliases.at(-1)).toBe("weak_alias");
  });

  test("variables, thread-local ones and file names are no answer", () => {
    for (const name of ["data_object", "per_thread"]) expect(nameAt(at(name))).not.toBe(name);
  });

  test("mapping symbols and assembler labels are never shown", () => {
    const names = new Set<string>();
    for (let address = 0; address < 0x3000; address++) {
      const found = index.findSymbol(virtualAddress(address));
      if (found) for (const name of [found.name, ...found.aliases]) names.add(name);
    }
    expect(names).toContain("main");
    expect([...names].filter((name) => /^(\$|\.L)/.test(name))).toEqual([]);
  });
});

test("the fixtures do have mapping symbols and labels to hide", (context) => {
  needTools(context, "readelf");
  const count = (name: string, pattern: RegExp): number =>
    readelfSymbols(fixture(name))
      .get(".symtab")!
      .filter((row) => pattern.test(row.name)).length;
  expect(count("shapes-arm", /^\$[atd]/)).toBeGreaterThan(0);
  expect(count("shapes-aarch64", /^\$[xd]/)).toBeGreaterThan(0);
  expect(count("shapes-riscv64", /^\$x/)).toBeGreaterThan(0);
});

test("a Thumb function starts at an even address", (context) => {
  needTools(context, "readelf");
  const row = readelfSymbols(fixture("shapes-arm"))
    .get(".symtab")!
    .find(({ name }) => name === "main")!;
  const value = Number(`0x${row.value}`);
  expect(value % 2).toBe(1);
  const index = symbolIndex(openPath(fixture("shapes-arm")));
  expect(index.findSymbol(virtualAddress(value - 1))).toMatchObject({
    name: "main",
    address: value - 1,
    size: row.size,
  });
  expect(index.findSymbol(virtualAddress(value - 1 + row.size))?.name).not.toBe("main");
});

test("on 64-bit PowerPC with function descriptors the code answers, not the descriptor", (context) => {
  // The descriptor's first eight bytes, read at the place in the file that readelf's section table gives.
  needTools(context, "readelf");
  const path = fixture("shapes-powerpc64");
  const opd = readelfSections(path).find(({ name }) => name === ".opd")!;
  const row = readelfSymbols(path)
    .get(".symtab")!
    .find(({ name }) => name === "main")!;
  const at = Number(`0x${opd.offset}`) + Number(`0x${row.value}`) - Number(`0x${opd.address}`);
  const code = Number(readFileSync(path).readBigUInt64BE(at));
  const text = readelfSections(path).find(({ name }) => name === ".text")!;
  expect(code).toBeGreaterThanOrEqual(Number(`0x${text.address}`));
  const index = symbolIndex(openPath(path));
  expect(index.findSymbol(virtualAddress(code + 4))).toMatchObject({ name: "main", address: code });
  expect(index.findSymbol(virtualAddress(Number(`0x${row.value}`)))).toBeUndefined();
});

test("in a relocatable file a symbol is found in its section, wherever that is laid out", (context) => {
  needTools(context, "readelf");
  const path = fixture("shapes-powerpc.o");
  const elf = openPath(path);
  const layout = layOutCode(elf)!;
  const index = symbolIndex(elf);
  const rows = readelfSymbols(path).get(".symtab")!;
  for (const name of ["local_function", "global_function", "weak_function", "main"]) {
    const { section, size } = rows.find((row) => row.name === name)!;
    // -ffunction-sections: each starts its own section.
    const start = layout.base(elf.sections[section!]);
    const first = index.findSymbol(virtualAddress(start));
    expect([first?.name, ...(first?.aliases ?? [])]).toContain(name);
    expect(index.findSymbol(virtualAddress(start + size - 1))?.name).toBe(first?.name);
    expect(index.findSymbol(virtualAddress(start + size))).toBeUndefined();
  }
});

test("in .dynsym, a symbol without a size answers for its own address only", (context) => {
  needTools(context, "gcc", "readelf");
  const directory = temporaryDirectory();
  const [source, library] = [join(directory, "a.s"), join(directory, "a.so")];
  writeFileSync(
    source,
    ".globl sized, bare, entry\n.type sized,@function\nsized: .skip 16\n.size sized, 16\n" +
      ".type bare,@function\nbare: .skip 16\nentry: .skip 16\n",
  );
  run("gcc", "-shared", "-nostdlib", "-o", library, source);
  const address = (name: string): number =>
    Number(
      `0x${
        readelfSymbols(library)
          .get(".dynsym")!
          .find((row) => row.name === name)!.value
      }`,
    );
  const [bare, entry] = [address("bare"), address("entry")];
  const names = (path: string): (string | undefined)[] => {
    const index = symbolIndex(openPath(path));
    return [bare - 1, bare, bare + 1, bare + 15, entry, entry + 15].map(
      (at) => index.findSymbol(virtualAddress(at))?.name,
    );
  };
  expect(names(library)).toEqual(["sized", "bare", "bare", "bare", "entry", "entry"]);
  run("strip", library);
  expect(names(library)).toEqual(["sized", "bare", undefined, undefined, "entry", undefined]);
});

test("without section headers the exported functions are found", (context) => {
  needTools(context, "readelf", "/bin/bash");
  const bytes = readFileSync("/bin/bash");
  bytes.fill(0, 40, 48); // e_shoff
  const index = symbolIndex(openBytes("bash", bytes));
  const functions = functionsOf("/bin/bash", ".dynsym");
  expect(functions.length).toBeGreaterThan(100);
  for (const { start, end } of functions) {
    const found = index.findSymbol(virtualAddress(end - 1));
    expect(bestOf(functions, end - 1).best).toContain(found?.name);
    expect(found).toMatchObject({ address: start, source: ".dynsym" });
  }
});

test("ranges that overlap without nesting: the one that starts last answers while it lasts", (context) => {
  needTools(context, "gcc", "readelf");
  const directory = temporaryDirectory();
  const [source, library] = [join(directory, "a.s"), join(directory, "a.so")];
  //   address  0    8    16   24   32
  //   a        =========
  //   b             =========
  //   c                       (8 bytes that belong to nobody, then c)
  //   outer    =======================   starts with a, is longer and local
  writeFileSync(
    source,
    ".globl a, b, c\n.type a,@function\n.type b,@function\n.type c,@function\n.type outer,@function\n" +
      "outer: a: .skip 8\nb: .skip 16\n.skip 8\n.skip 8\nc: .skip 8\n" +
      ".size a, 16\n.size b, 16\n.size c, 8\n.size outer, 32\n",
  );
  run("gcc", "-shared", "-nostdlib", "-o", library, source);
  const a = Number(
    `0x${
      readelfSymbols(library)
        .get(".symtab")!
        .find((row) => row.name === "a")!.value
    }`,
  );
  const index = symbolIndex(openPath(library));
  const names = [0, 7, 8, 15, 16, 23, 24, 31, 32, 39, 40, 47, 48].map(
    (at) => index.findSymbol(virtualAddress(a + at))?.name,
  );
  expect(names).toEqual(["a", "a", "b", "b", "b", "b", "outer", "outer", undefined, undefined, "c", "c", undefined]);
});

test.for([process.execPath, "/bin/bash"])(
  "random addresses of %s have the names that llvm-symbolizer gives",
  (path, context) => {
    needTools(context, "llvm-symbolizer", "readelf", path);
    const text = readelfSections(path).find(({ name }) => name === ".text")!;
    const textStart = Number(`0x${text.address}`);
    const size = Number(`0x${text.size}`);
    const within = fc.sample(fc.nat(size - 1), { numRuns: 5000, seed: 1 });
    const addresses = within.map((offset) => textStart + offset);
    const input = Buffer.from(addresses.map((address) => `0x${address.toString(16)}\n`).join(""));
    const output = Buffer.from(
      pipe(input, "llvm-symbolizer", "--no-demangle", "--no-inlines", `--obj=${path}`),
    ).toString();
    const expected = output.split("\n\n").map((block) => block.split("\n")[0]);
    // It also gives the names of tables that assembly code keeps in .text.
    const tables = new Set(
      [...readelfSymbols(path).values()]
        .flat()
        .filter(({ type }) => type === OBJECT)
        .map(({ name }) => name),
    );
    const index = symbolIndex(openPath(path));
    const starts = new Map<string, number[]>();
    for (const { name, start } of functionsOf(path, tableOf(path)))
      starts.set(name, [...(starts.get(name) ?? []), start]);
    let agreed = 0;
    for (const [i, address] of addresses.entries()) {
      const found = index.findSymbol(virtualAddress(address));
      // Thousands of identical functions may share an address, and then only some of their names are listed.
      if (found && found.aliases.length < 32)
        expect([found.name, ...found.aliases], `0x${address.toString(16)}`).toContain(expected[i]);
      else if (found) expect(starts.get(expected[i])).toContain(found.address);
      else if (expected[i] !== "??") expect(tables, `0x${address.toString(16)}`).toContain(expected[i]);
      if (found) agreed++;
    }
    expect(agreed).toBeGreaterThan(2000);
  },
);
