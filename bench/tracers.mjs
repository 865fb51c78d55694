/**
 * The tracers that the benchmark compares: how each is put on the target, and how to know that it is there.
 *
 * Tools that attach announce it in their own ways, some before they have. What all of them do is write breakpoints into
 * the target's copy of libc: the target's memory tells when the last one is in place, whoever wrote it.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { COMMAND, onPath, ROOT } from "../scripts/setup.mjs";

const HEADERS = "/usr/src";
/** Compiling an eBPF program takes the bcc tools seconds. */
const PATIENCE = 30_000;

/** The row of programs that do nothing. */
export const BARE_TRAPS = "the traps of a sampled pair alone";

/**
 * @typedef {object} Tracer
 * @property {string} name
 * @property {boolean} [framePointers] the target is compiled with frame pointers: this tool needs them.
 * @property {string[]} [launcher] the command that runs the target under it.
 * @property {(pid: number) => Promise<() => Promise<void>>} [attach] resolves when it is attached, with the detaching.
 */

/**
 * @param folder a temporary one, for the files that the tools write.
 * @returns {Promise<Tracer[]>} those that are installed and work here. The first is none; then memleak, to compare with.
 */
export async function findTracers(folder, startTarget) {
  const isRoot = process.getuid?.() === 0;
  const leakline = (name, ...args) => ({
    name,
    attach: (pid) => attachOurs([COMMAND, "attach", String(pid), "-i", "3600", "-n", "1", ...args], "a report every"),
  });
  const help = spawnSync(COMMAND, ["attach", "--help"], { encoding: "utf8" }).stdout;
  const attaching = [
    leakline("leakline attach"),
    { ...leakline("leakline attach --frame-pointers", "--frame-pointers"), framePointers: true },
    ...(help.includes("--sample-bytes")
      ? [leakline("leakline attach --sample-bytes 524288", "--sample-bytes", "524288")]
      : []),
    {
      name: BARE_TRAPS,
      attach: (pid) => attachOurs([process.execPath, join(ROOT, "bench", "bare-traps.mjs"), String(pid)], "attached"),
    },
  ];
  const launching = [
    { name: "heaptrack", launcher: ["heaptrack", "-o", join(folder, "heaptrack")] },
    {
      name: "valgrind --tool=massif",
      launcher: ["valgrind", "-q", "--tool=massif", `--massif-out-file=${folder}/massif`],
    },
    { name: "valgrind (memcheck)", launcher: ["valgrind", "-q"] },
  ].filter(({ launcher }) => onPath(launcher[0]));
  const memleak = isRoot ? await findMemleak(folder, startTarget) : undefined;
  if (!isRoot) console.log("not root: only what needs no privilege is measured");
  return [{ name: "bare" }, ...(memleak ? [memleak] : []), ...(isRoot ? attaching : []), ...launching];
}

/** memleak of libbpf-tools, of bcc, or what it does in bpftrace: the first that attaches to a target. */
async function findMemleak(folder, startTarget) {
  const headers = kernelHeaders(folder);
  const env = headers ? { ...process.env, BCC_KERNEL_SOURCE: headers } : process.env;
  const candidates = [
    ["memleak", (pid) => ["-p", String(pid), "3600"]],
    ["memleak-bpfcc", (pid) => ["-p", String(pid), "3600"]],
    ["bpftrace", (pid) => ["-p", String(pid), join(ROOT, "bench", "memleak.bt")]],
  ].filter(([command]) => onPath(command));
  for (const [command, argumentsFor] of candidates) {
    const name = command === "bpftrace" ? "bpftrace memleak.bt" : command;
    const attach = (pid) => attachOther(pid, command, argumentsFor(pid), env);
    const target = await startTarget();
    try {
      await (await attach(target.pid))();
      return { name, framePointers: true, attach };
    } catch (error) {
      console.log(`${name} does not work here: ${error.message}`);
    } finally {
      target.kill("SIGKILL");
    }
  }
  return undefined;
}

/**
 * A tree of kernel headers for bcc, when it would not find one itself. Those of any version will do: memleak looks at no
 * structure of the kernel. Debian's stand in two folders, which are laid over each other.
 */
function kernelHeaders(folder) {
  if (process.env.BCC_KERNEL_SOURCE !== undefined || existsSync(`/lib/modules/${release()}/build`)) return undefined;
  const names = existsSync(HEADERS) ? readdirSync(HEADERS) : [];
  const common = names.find((name) => /^linux-headers-.*-common$/.test(name));
  const own = names.find(
    (name) => common !== undefined && name.startsWith(common.replace(/common$/, "")) && name !== common,
  );
  if (common === undefined || own === undefined) return undefined;
  const tree = join(folder, "headers");
  mkdirSync(tree);
  for (const name of [common, own]) spawnSync("cp", ["-rsf", `${HEADERS}/${name}/.`, tree]);
  return tree;
}

/** Starts a script of ours, which says on stderr when it is attached. */
async function attachOurs([command, ...args], announcement) {
  const tool = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  for await (const data of tool.stderr) {
    said += data;
    if (said.includes(announcement)) return () => ended(tool);
  }
  throw new Error(said.trim());
}

/**
 * Attaches a tool that announces nothing. It gets a second chance: bcc cannot probe an instruction that somebody else
 * is probing at the moment (it names a reference counter, and the kernel wants that to be the same for all).
 */
async function attachOther(pid, command, args, env) {
  for (let chances = 2; ; chances--) {
    try {
      return await attachOnce(pid, command, args, env);
    } catch (error) {
      if (chances === 1) throw error;
      await sleep(2000);
    }
  }
}

async function attachOnce(pid, command, args, env) {
  const before = breakable(pid);
  const tool = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env });
  let said = "";
  tool.stderr.on("data", (data) => {
    said += data;
  });
  const deadline = performance.now() + PATIENCE;
  for (let last = 0, since = 0; performance.now() < deadline && tool.exitCode === null; await sleep(100)) {
    const count = countChanged(breakable(pid), before);
    if (count !== last) since = performance.now();
    last = count;
    // The last probe is in place when no other has come for a while.
    if (count > 0 && performance.now() - since > 1000) return () => ended(tool, "SIGINT");
  }
  if (tool.exitCode === null) await ended(tool, "SIGKILL");
  throw new Error(said.trim() || "it sets no probe");
}

async function ended(tool, signal = "SIGTERM") {
  const exit = once(tool, "exit");
  if (tool.exitCode !== null || tool.signalCode !== null) return;
  tool.kill(signal);
  await exit;
}

/** The code of the C library as the process has it in memory. */
function breakable(pid) {
  const memory = openSync(`/proc/${pid}/mem`, "r");
  try {
    const maps = readFileSync(`/proc/${pid}/maps`, "utf8");
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) r-xp .*\/libc\.so\.6$/m.exec(maps);
    const code = Buffer.alloc(Number.parseInt(end, 16) - Number.parseInt(start, 16));
    readSync(memory, code, 0, code.length, Number.parseInt(start, 16));
    return code;
  } finally {
    closeSync(memory);
  }
}

function countChanged(now, before) {
  let count = 0;
  for (let i = 0; i < now.length; i++) if (now[i] !== before[i]) count++;
  return count;
}
