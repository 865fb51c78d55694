/**
 * The binaries of the large comparison: the distribution's with their debug packages, Rust's own library, and programs
 * compiled here.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import { DEBIAN_PACKAGES, packageFiles } from "./packages.ts";
import { BUILDS, compileProgram } from "./programs.ts";

export type Binary = {
  name: string;
  /** What leakline is given. */
  path: string;
  /** What the peers are given: the file with the debug information. */
  debugPath: string;
  isLarge: boolean;
};

const LIBC = "/lib/x86_64-linux-gnu/libc.so.6";

/** @param report told what is missing. */
export function* allBinaries(cache: string, report: (message: string) => void): Generator<Binary> {
  const libc = installedLibc();
  if (libc) yield libc;
  else report("libc6-dbg is not installed");
  for (const wanted of DEBIAN_PACKAGES) {
    try {
      for (const [i, path] of packageFiles(cache, wanted).entries())
        yield { name: `${wanted.name} ${i + 1}`, path, debugPath: path, isLarge: true };
    } catch (error) {
      report(`${wanted.name}: ${(error as Error).message}`);
    }
  }
  yield* rustLibrary();
  for (const build of BUILDS) {
    const path = compileProgram(join(cache, "programs"), build);
    if (path === undefined) report(`${build.compiler} is not installed`);
    else yield { name: build.name, path, debugPath: path, isLarge: false };
  }
}

/** The C library, whose debug file leakline has to find by itself; undefined without libc6-dbg. */
export function installedLibc(): Binary | undefined {
  const module = openLocalModule(LIBC, []);
  const buildId = module.elf.buildId ?? "";
  const debugPath = `/usr/lib/debug/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
  return existsSync(debugPath) ? { name: "libc.so.6", path: LIBC, debugPath, isLarge: true } : undefined;
}

/** Rust's standard library, which has line tables and inlined calls. */
function* rustLibrary(): Generator<Binary> {
  let folder: string;
  try {
    folder = execFileSync("rustc", ["--print", "target-libdir"], { encoding: "utf8" }).trim();
  } catch {
    return;
  }
  for (const file of readdirSync(folder).filter((entry) => /^libstd-.*\.so$/.test(entry))) {
    const path = join(folder, file);
    yield { name: "Rust libstd", path, debugPath: path, isLarge: true };
  }
}
