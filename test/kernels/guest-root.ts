/** The file system of a guest. It is shared read-only; /tmp is in the guest's memory. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machines.ts";
import type { DebianPackages } from "./packages.ts";

/** Where leakline is in the guest. */
export const GUEST_FOLDER = "/leakline";

/** What Node, libbpf and bash need to run. */
const PACKAGES = [
  ...["libc6", "libstdc++6", "libgcc-s1", "libbpf1", "libelf1", "zlib1g"],
  ...["bash", "libtinfo6", "busybox-static"],
];

/**
 * @param programs names of `test/live/programs/NAME.c`.
 * @param keep where downloads from npm stay.
 */
export function buildGuestRoot(
  { npm, compiler, flags }: Machine,
  packages: DebianPackages,
  programs: readonly string[],
  keep: string,
  root: string,
): void {
  packages.unpack(PACKAGES, root);
  for (const name of ["tmp", "proc", "sys", "dev"]) mkdirSync(join(root, name), { recursive: true });
  const major = process.versions.node.split(".")[0];
  unpackFromNpm(`node-linux-${npm}@${major}`, keep, join(root, "opt", "node"));
  const folder = join(root, GUEST_FOLDER);
  for (const name of ["dist", "bpf", "package.json", "node_modules/koffi"])
    cpSync(name, join(folder, name), { recursive: true });
  const { version } = JSON.parse(readFileSync("node_modules/koffi/package.json", "utf8")) as { version: string };
  const native = `@koromix/koffi-linux-${npm}`;
  unpackFromNpm(`${native}@${version}`, keep, join(folder, "node_modules", native));
  cpSync("test/kernels/guest.mjs", join(folder, "guest.mjs"));
  for (const name of programs) {
    const source = join("test", "live", "programs", `${name}.c`);
    execFileSync(compiler, ["-g", "-w", "-pthread", ...flags, "-o", join(folder, name), source]);
  }
}

function unpackFromNpm(name: string, keep: string, into: string): void {
  const folder = join(keep, name.replace(/[^\w.-]/g, "_"));
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length === 0)
    execFileSync("npm", ["pack", "--silent", name], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  mkdirSync(into, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, readdirSync(folder)[0]), "--strip-components=1", "-C", into]);
  if (!existsSync(join(into, "package.json"))) throw new Error(`${name}: not a package`);
}
