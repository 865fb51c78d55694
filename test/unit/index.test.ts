/**
 * With an index, every answer is what it is without: random addresses of the C library and of programs compiled here.
 * That those are right is for test/unit/differential.test.ts to say.
 *
 * LEAKLINE_SEED repeats a run.
 */

import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Binary, installedLibc } from "../differential/binaries.ts";
import { BUILDS, type Build, compileProgram } from "../differential/programs.ts";
import { compareWithIndex } from "../differential/with-index.ts";
import { needTools, temporaryDirectory } from "../support/oracle.ts";

const SEED = Number(process.env.LEAKLINE_SEED ?? Date.now() % 2 ** 32);

const CHOSEN = [
  "gcc -O2 -gdwarf-5",
  "gcc -O3 -gdwarf-5 -flto",
  "clang-14 -O1 -gdwarf-4",
  "g++ -O1 -gdwarf-4 -fdebug-types-section",
  "g++ -O3 -gdwarf-5 -gz",
  "clang++-14 -O2 -gdwarf-4 -gsplit-dwarf",
  "clang++-14 -O2 -gdwarf-5 -ffunction-sections -fuse-ld=lld -Wl,--icf=all -Wl,--gc-sections",
  "rustc -g -Copt-level=2",
];

function expectSame(binary: Binary, count: number, indexed = true): void {
  const folder = mkdtempSync(join(temporaryDirectory(), "index-"));
  const { addresses, differences, problems, isIndexed, missing } = compareWithIndex(binary, folder, count, SEED);
  expect(differences.slice(0, 3), `seed ${SEED}`).toEqual([]);
  expect(problems).toEqual([]);
  expect(isIndexed).toBe(indexed);
  expect(missing, "answers that the whole index lacks").toBe(0);
  expect(addresses).toBeGreaterThan(count / 4);
}

test("the C library with its debug package", (context) => {
  const libc = installedLibc();
  if (!libc && process.env.CI) throw new Error("libc6-dbg is needed in CI and not installed");
  if (!libc) return context.skip("libc6-dbg is not installed");
  expectSame(libc, 20_000);
});

test.for(CHOSEN)("%s", (name, context) => {
  const build = BUILDS.find((candidate) => candidate.name === name) as Build;
  needTools(context, build.compiler);
  // clang leaves it to its user whether there is a build ID.
  const flag = build.language === "rust" ? "-Clink-arg=-Wl,--build-id" : "-Wl,--build-id";
  const path = compileProgram(temporaryDirectory(), { ...build, flags: [...build.flags, flag] }) as string;
  expectSame({ name, path, debugPath: path, isLarge: false }, 3000, !name.includes("-gsplit-dwarf"));
});
