/**
 * What `npm run demo`, `npm test` and `npm run bench` need before they can start, installed only where it is missing.
 *
 * Plain JavaScript without dependencies: it runs before anything is installed.
 */

import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Runs a command in the project's folder with our stdio; ends us with its exit code when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: "inherit", ...options });
  if (error) fail(`${command}: ${error.message}`);
  if (status !== 0 && !options.mayFail) process.exit(status ?? 1);
  return status;
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

export function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  fail(`Node ${process.versions.node} is too old: leakline needs 20.19 or newer`);
}

/** The npm packages of package-lock.json, unless they are there already. */
export function installNpmPackages() {
  const installed = join(ROOT, "node_modules", ".package-lock.json");
  if (existsSync(installed) && modified(installed) >= modified(join(ROOT, "package-lock.json"))) return;
  step("installing npm packages");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/**
 * Debian packages, unless what they bring is there already.
 *
 * @param wanted for each package a test whether it is needed.
 */
export function installDebianPackages(wanted) {
  const missing = Object.entries(wanted)
    .filter(([, isThere]) => !isThere())
    .map(([name]) => name);
  if (missing.length === 0) return;
  const command = `apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0 || !onPath("apt-get")) {
    process.stderr.write(`missing: ${missing.join(", ")}. As root: ${command}\n`);
    return;
  }
  step(`installing ${missing.join(", ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  run("apt-get", ["update", "-q"], { ...quiet, mayFail: true });
  run("apt-get", ["install", "-q", "-y", "--no-install-recommends", ...missing], { ...quiet, mayFail: true });
}

/** What npm installs as the command. */
export const COMMAND = join(ROOT, "dist", "cli", "leakline");

/** Compiles dist/, unless it is newer than every source. */
export function buildIfNeeded() {
  if (existsSync(COMMAND) && modified(COMMAND) >= newest(join(ROOT, "src"))) return;
  step("compiling leakline");
  build();
}

/** Compiles dist/, without what an earlier source left in it: the modules of the library, and the command as a bundle. */
export function build() {
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  run(process.execPath, [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", "tsconfig.build.json"]);
  run(process.execPath, [join(ROOT, "scripts", "bundle.mjs")]);
  copyFileSync(join(ROOT, "src", "cli", "leakline.sh"), COMMAND);
  // The second can be run, too: it was the command once, and `npx` remembers in a checkout what that was.
  for (const file of [COMMAND, join(dirname(COMMAND), "main.js")]) chmodSync(file, 0o755);
}

/** Is there such a command? */
export function onPath(program) {
  if (program.includes("/")) return existsSync(program);
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

/** Is a Debian package installed? */
export function isInstalled(name) {
  const list = `/var/lib/dpkg/info/${name}`;
  return existsSync(`${list}.list`) || existsSync(`${list}:amd64.list`) || existsSync(`${list}:arm64.list`);
}

/** Is a shared library where the dynamic linker looks? */
export function hasLibrary(name) {
  const folders = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];
  const multiarch = existsSync("/usr/lib")
    ? readdirSync("/usr/lib")
        .filter((entry) => entry.includes("-linux-gnu"))
        .map((entry) => `/usr/lib/${entry}`)
    : [];
  return [...folders, ...multiarch].some((folder) => existsSync(join(folder, name)));
}

/** What tracing the demo program needs. */
export const DEMO_PACKAGES = {
  libbpf1: () => hasLibrary("libbpf.so.1"),
  gcc: () => onPath("cc"),
  "libc6-dev": () => existsSync("/usr/include/stdlib.h"),
};

function step(what) {
  process.stderr.write(`set-up: ${what}\n`);
}

function modified(path) {
  return statSync(path).mtimeMs;
}

function newest(folder) {
  return Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => modified(join(entry.parentPath ?? entry.path, entry.name))),
  );
}
