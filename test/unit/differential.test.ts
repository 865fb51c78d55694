/**
 * The bounded part of `npm run differential`: some 20,000 random addresses in the C library and in programs compiled
 * here, of which practically all must be answered as llvm-symbolizer, addr2line or eu-addr2line answers them.
 *
 * LEAKLINE_SEED repeats a run.
 */

import { expect, test } from "vitest";
import { showAnswer } from "../differential/answer.ts";
import { type Binary, installedLibc } from "../differential/binaries.ts";
import { judge } from "../differential/judge.ts";
import { BUILDS, type Build, compileProgram } from "../differential/programs.ts";
import { needTools, temporaryDirectory } from "../support/oracle.ts";

const PEER_PROGRAMS = ["llvm-symbolizer-19", "addr2line", "eu-addr2line", "objdump"];
const SEED = Number(process.env.LEAKLINE_SEED ?? Date.now() % 2 ** 32);

/** Compilers, levels, versions of DWARF, LTO, split and compressed debug information: one example of each. */
const CHOSEN = [
  "gcc -O2 -gdwarf-5",
  "gcc -O3 -gdwarf-5 -flto",
  "clang-14 -O1 -gdwarf-4",
  "g++ -O0 -gdwarf-5",
  "g++ -O1 -gdwarf-4 -fdebug-types-section",
  "g++ -O3 -gdwarf-5 -gz",
  "clang++-14 -O2 -gdwarf-5",
  "clang++-14 -O2 -gdwarf-4 -gsplit-dwarf",
  "clang++-14 -O2 -gdwarf-5 -flto -fuse-ld=lld",
  "rustc -g -Copt-level=2",
];

/** Of 1,000 addresses, one may be a function that was folded with others: docs/differences.md. */
const LEAST_IDENTICAL = 0.999;

function expectIdentical(binary: Binary, count: number): void {
  const { result } = judge(binary, count, SEED);
  const shown = result.differences
    .slice(0, 5)
    .map(({ address, ours, theirs }) =>
      [`0x${address.toString(16)}`, ...[ours, ...theirs].map(showAnswer)].join("\n  "),
    );
  const share = result.identical / result.addresses;
  expect(share, `seed ${SEED}\n${shown.join("\n")}`).toBeGreaterThanOrEqual(LEAST_IDENTICAL);
  // Addresses were really compared.
  expect(result.addresses).toBeGreaterThan(count / 4);
}

test("the C library with its debug package", (context) => {
  needTools(context, ...PEER_PROGRAMS);
  const libc = installedLibc();
  if (!libc && process.env.CI) throw new Error("libc6-dbg is needed in CI and not installed");
  if (!libc) return context.skip("libc6-dbg is not installed");
  expectIdentical(libc, 6000);
});

test.for(CHOSEN)("%s", (name, context) => {
  const build = BUILDS.find((candidate) => candidate.name === name) as Build;
  needTools(context, build.compiler, ...PEER_PROGRAMS);
  const path = compileProgram(temporaryDirectory(), build) as string;
  expectIdentical({ name, path, debugPath: path, isLarge: false }, 1500);
});
