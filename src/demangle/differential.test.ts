/**
 * Real symbols of the machine, compared with LLVM's demangler. `scripts/demangle-differential.mjs` does the same over
 * any files by hand; this part is bounded.
 */

import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ask, differences, isInstalled, LLVM_CXXFILT, mangledNames } from "../../test/demangle-oracles.ts";
import { demangle } from "./index.ts";

const LIBSTDCXX = ["/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6"];
const FILES = [...LIBSTDCXX.filter(existsSync), process.execPath];
const NAMES_PER_FILE = 15_000;

describe.skipIf(!isInstalled(LLVM_CXXFILT))("names of real binaries", () => {
  it.each(FILES)("read as LLVM reads them: %s", (file) => {
    const names = mangledNames(file, NAMES_PER_FILE);
    expect(names.length).toBeGreaterThan(1000);
    const full = names.map((name) => demangle(name));
    expect(differences(names, full, ask(LLVM_CXXFILT, [], names))).toEqual([]);
    const short = names.map((name) => demangle(name, { parameters: false }));
    expect(differences(names, short, ask(LLVM_CXXFILT, ["-p"], names))).toEqual([]);
  });
});
