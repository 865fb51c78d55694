import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fixture, openPath } from "../../test/support/elf-files.ts";
import { type OracleRow, readelfRows } from "../../test/support/frame-rows.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { hex } from "../base/address.ts";
import { compileUnwindTable, lookupRule, ruleText, type UnwindTable } from "./index.ts";

const LIBRARIES = "/usr/lib/x86_64-linux-gnu";

const FILES = [
  `${LIBRARIES}/libc.so.6`,
  `${LIBRARIES}/libstdc++.so.6`,
  "/lib64/ld-linux-x86-64.so.2",
  "/bin/bash",
  ...["/usr/bin/python3"].filter((path) => existsSync(path)),
  process.execPath,
];

/** Looks up the first and the last address of every row; the differences, as text, ten at most. */
function differences(table: UnwindTable, rows: readonly OracleRow[]): string[] {
  const found: string[] = [];
  for (const { start, end, rule } of rows) {
    for (const address of [start, end - 1]) {
      const text = ruleText(lookupRule(table, address));
      if (text !== rule && found.length < 10) found.push(`${hex(address)}: ${text} instead of ${rule}`);
    }
  }
  return found;
}

/** Where entries leave at least as much room as no padding takes, there must be no rule. */
function rulesInHoles(table: UnwindTable, rows: readonly OracleRow[]): string[] {
  const found: string[] = [];
  const sorted = [...rows].sort((a, b) => a.start - b.start);
  let end = sorted[0].start;
  for (const row of sorted) {
    const hole = row.start - end;
    if (hole >= 16) {
      for (const address of [end, row.start - 1])
        if (lookupRule(table, address) !== 0 && found.length < 10)
          found.push(`${hex(address)}: a rule in a hole of ${hole} bytes`);
    }
    end = Math.max(end, row.end);
  }
  for (const address of [sorted[0].start - 1, end])
    if (lookupRule(table, address) !== 0) found.push(`${hex(address)}: a rule outside`);
  return found;
}

function expectEqualRows(path: string, rows: readonly OracleRow[]): void {
  const table = compileUnwindTable(openPath(path));
  expect(differences(table, rows)).toEqual([]);
  expect(rulesInHoles(table, rows)).toEqual([]);
  expect(Array.from(table.starts)).toEqual(Array.from(new Set(table.starts)).sort((a, b) => a - b));
}

test.for(FILES)("the rules of %s are readelf's", (path, context) => {
  needTools(context, "readelf", path);
  const rows = readelfRows(path);
  expect(rows.length).toBeGreaterThan(1000);
  expectEqualRows(path, rows);
});

test("the vDSO of this process", (context) => {
  needTools(context, "readelf");
  const range = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(readFileSync("/proc/self/maps", "latin1"));
  if (!range) return context.skip("this kernel gives no vDSO");
  const start = Number.parseInt(range[1], 16);
  const bytes = Buffer.alloc(Number.parseInt(range[2], 16) - start);
  const memory = openSync("/proc/self/mem", "r");
  readSync(memory, bytes, 0, bytes.length, start);
  closeSync(memory);
  const path = join(temporaryDirectory(), "vdso.so");
  writeFileSync(path, bytes);
  const rows = readelfRows(path);
  expect(rows.length).toBeGreaterThan(3);
  expectEqualRows(path, rows);
});

const LINKS = [
  ["lazily", "-Wl,-z,lazy"],
  ["with a PLT for branch protection", "-fcf-protection", "-Wl,-z,lazy,-z,ibtplt"],
  ["by lld", "-fuse-ld=lld", "-Wl,-z,lazy"],
  ["by gold", "-fuse-ld=gold"],
  ["statically", "-static"],
  ["as a static PIE", "-static-pie"],
  ["with all but the startup code in .debug_frame", "-g", "-fno-asynchronous-unwind-tables"],
];

test.for(LINKS)("a program linked %s", ([, ...options], context) => {
  needTools(context, "gcc", "readelf", "ld.lld", "ld.gold");
  const program = join(temporaryDirectory(), "program");
  run("gcc", "-O2", ...options, "-o", program, fixture("shapes.c"));
  expectEqualRows(program, readelfRows(program));
});

const C = `
#include <alloca.h>
#include <string.h>
void use(void *);
void aligned(int n) { char a[64] __attribute__((aligned(64))); use(a); if (n) use(a + 1); }
void dynamic(int n) { char *p = alloca(n); use(p); }
void both(int n) { char a[64] __attribute__((aligned(64))); char *p = alloca(n); use(p); use(a); }
void large(void) { char a[300000]; use(a); }
void many(int a, int b, int c, int d, int e, int f, int g, int h) { use(&a); use(&h); use(&g); many(h, g, f, e, d, c, b, a); use(&b); }
int early(int n) { char a[40]; if (n > 3) { use(a); if (n > 9) return 1; use(a + 1); } return n; }
`;

describe("compiled code", () => {
  test.for([
    ["gcc", "-O2", "-fomit-frame-pointer"],
    ["gcc", "-O2", "-fno-omit-frame-pointer"],
    ["gcc", "-O2", "-mstackrealign"],
    ["gcc", "-Os", "-mno-red-zone"],
    ["gcc", "-O2", "-fomit-frame-pointer", "-maccumulate-outgoing-args"],
    ["clang-14", "-O2", "-fomit-frame-pointer"],
    ["clang-14", "-O0", "-mstackrealign"],
  ])("%s %s %s", ([compiler, ...options], context) => {
    needTools(context, compiler, "readelf");
    const library = join(temporaryDirectory(), "library.so");
    writeFileSync(`${library}.c`, C);
    run(compiler, "-shared", "-fPIC", ...options, "-o", library, `${library}.c`);
    const rows = readelfRows(library);
    if (compiler === "gcc") expect(rows.some(({ rule }) => /^\*\(rbp-.*rbp=\*\(rbp\)/.test(rule))).toBe(true);
    expectEqualRows(library, rows);
  });

  test("C++ with exceptions", (context) => {
    needTools(context, "g++", "readelf");
    const program = join(temporaryDirectory(), "program");
    writeFileSync(
      `${program}.cc`,
      `#include <string>
      #include <vector>
      #include <stdexcept>
      struct Guard { std::string s; ~Guard() { if (s.empty()) s = "x"; } };
      __attribute__((noinline)) int parse(std::string const &s) { Guard g; if (s.size() > 3) throw std::runtime_error(s); return s.size(); }
      int main(int n, char **v) { std::vector<std::string> all(v, v + n); int r = 0; for (auto &s : all) try { r += parse(s); } catch (std::exception &e) { r--; } return r; }`,
    );
    run("g++", "-O2", "-fomit-frame-pointer", "-o", program, `${program}.cc`);
    expectEqualRows(program, readelfRows(program));
  });

  test("Rust", (context) => {
    needTools(context, "rustc", "readelf");
    const program = join(temporaryDirectory(), "program");
    writeFileSync(`${program}.rs`, `fn main() { let v: Vec<String> = std::env::args().collect(); println!("{v:?}"); }`);
    run("rustc", "-O", "-o", program, `${program}.rs`);
    const rows = readelfRows(program);
    expect(rows.length).toBeGreaterThan(1000);
    expectEqualRows(program, rows);
  });
});

test("a file for another machine is refused", () => {
  expect(() => compileUnwindTable(openPath(fixture("shapes-aarch64")))).toThrow(/x86-64 only/);
});

test("a lookup finds the row that an address lies in", () => {
  const table = { starts: Uint32Array.of(16, 32, 48), rules: Uint32Array.of(7, 8, 9), base: 0x1000, gaps: {} };
  const found = [-1, 0x1000, 0x100f, 0x1010, 0x101f, 0x1020, 0x1030, 0x100000fff, 0x100001000].map((address) =>
    lookupRule(table, address),
  );
  expect(found).toEqual([0, 0, 0, 7, 7, 8, 9, 9, 0]);
});
