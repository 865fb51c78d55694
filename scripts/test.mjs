/**
 * `npm test`: sets up what is missing, then types, lint, unit tests and live tests. Ends with `N passed, N failed`.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  buildIfNeeded,
  checkNode,
  DEMO_PACKAGES,
  installDebianPackages,
  installNpmPackages,
  isInstalled,
  onPath,
  ROOT,
  run,
} from "./setup.mjs";

/** The compilers and the oracles that tests compare with. */
const TEST_PACKAGES = [
  "binutils",
  "bpftool",
  "chromium",
  "clang-14",
  "clang-19",
  "debuginfod",
  "dwarfdump",
  "dwz",
  "elfutils",
  "g++",
  "gcc-aarch64-linux-gnu",
  "gcc-arm-linux-gnueabihf",
  "gcc-i686-linux-gnu",
  "gcc-powerpc-linux-gnu",
  "gcc-powerpc64-linux-gnu",
  "gcc-riscv64-linux-gnu",
  "gcc-s390x-linux-gnu",
  "gdb",
  "libbpf-dev",
  "libc6-dbg",
  "libjemalloc2",
  "libmimalloc2.0",
  "libtcmalloc-minimal4",
  "linux-perf",
  "linux-libc-dev-arm64-cross",
  "lld",
  "llvm",
  "llvm-14",
  "llvm-19",
  "binutils-aarch64-linux-gnu",
  "binutils-arm-linux-gnueabihf",
  "musl-tools",
  "procps",
  "python3",
  "strace",
  "util-linux",
  "xxhash",
  "xz-utils",
  "zstd",
];

checkNode();
installNpmPackages();
installDebianPackages({
  ...DEMO_PACKAGES,
  // Either of Debian's two packages.
  busybox: () => onPath("busybox"),
  rustc: () => onPath("rustc"),
  ...Object.fromEntries(TEST_PACKAGES.map((name) => [name, () => isInstalled(name)])),
});
buildIfNeeded();
const checks = [
  [process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit"]],
  [process.execPath, ["node_modules/typescript/bin/tsc", "--noEmit", "-p", "test/browser"]],
  [process.execPath, ["node_modules/@biomejs/biome/bin/biome", "check", "."]],
];
const failedChecks = checks.filter(([command, args]) => run(command, args, { mayFail: true }) !== 0).length;
const { passed, failed, skipped } = runTests(process.argv.slice(2));
const totalFailed = failed + failedChecks;
const skippedPart = skipped > 0 ? `, ${skipped} skipped` : "";
process.stdout.write(`${passed + checks.length - failedChecks} passed, ${totalFailed} failed${skippedPart}\n`);
process.exitCode = totalFailed === 0 ? 0 : 1;

function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), "leakline-test-"));
  const output = join(folder, "results.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${output}`];
  try {
    const vitest = join(ROOT, "node_modules", "vitest", "vitest.mjs");
    const status = run(process.execPath, [vitest, "run", ...reporters, ...args], { mayFail: true });
    if (!existsSync(output)) return { passed: 0, failed: 1, skipped: 0 };
    const results = JSON.parse(readFileSync(output, "utf8"));
    // A file that could not even be loaded has no failed test of its own.
    const failed = status === 0 ? results.numFailedTests : Math.max(1, results.numFailedTests);
    return { passed: results.numPassedTests, failed, skipped: results.numPendingTests };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
