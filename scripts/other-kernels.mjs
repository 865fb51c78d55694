/**
 * `node scripts/other-kernels.mjs [NAME…]`: traces in virtual machines with kernels of Debian that are not this machine's,
 * x86-64 and arm64, emulated; test/kernels/machines.ts names them. Downloads some 400 MB of packages into `--keep DIR`
 * (a temporary folder otherwise). Some minutes each. Needs qemu-system-x86, qemu-system-arm, gcc-aarch64-linux-gnu,
 * libc6-dev-arm64-cross, cpio and kmod.
 */

import { runCompiled } from "./compiled.mjs";
import { buildIfNeeded, checkNode, installDebianPackages, installNpmPackages, onPath } from "./setup.mjs";

checkNode();
installNpmPackages();
installDebianPackages({
  "qemu-system-x86": () => onPath("qemu-system-x86_64"),
  "qemu-system-arm": () => onPath("qemu-system-aarch64"),
  "gcc-aarch64-linux-gnu": () => onPath("aarch64-linux-gnu-gcc"),
  "libc6-dev-arm64-cross": () => onPath("../aarch64-linux-gnu/include/stdlib.h"),
  cpio: () => onPath("cpio"),
  kmod: () => onPath("depmod"),
});
buildIfNeeded();
await runCompiled("test/kernels", "main.ts");
