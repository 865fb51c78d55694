import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../../test/support/oracle.ts";
import {
  compile,
  hasTool,
  killStartedPrograms,
  start,
  stop,
  temporaryDirectory,
  WAITING,
} from "../../../test/support/programs.ts";
import { readMaps } from "../../process/live-maps.ts";
import type { Frame } from "../frame.ts";
import { type LiveProcess, openLiveProcess } from "./live-process.ts";

const directory = temporaryDirectory();
killStartedPrograms();

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

function resolveOne(target: LiveProcess, address: bigint): Frame {
  return target.resolve(address, false)[0];
}

/** Where `symbol` of an ELF file is in a process: nm's value and where the file begins. */
function addressOf(pid: number, file: string, symbol: string, mapped = file): bigint {
  const line = run("nm", file)
    .split("\n")
    .find((one) => one.endsWith(` ${symbol}`));
  const value = BigInt(`0x${line?.split(" ")[0]}`);
  const first = readMaps(pid).find(({ path, offset }) => path === mapped && offset === 0);
  if (!first) throw new Error(`${mapped} is not mapped`);
  return first.start + value;
}

/** Asks as a user who may read the process but not /proc/PID/map_files, as in a container. */
function asNobody<T>(act: () => T): T {
  process.seteuid?.(NOBODY);
  try {
    return act();
  } finally {
    process.seteuid?.(0);
  }
}

const SCRIPT = `
function hotFunction(n) { let sum = 0; for (let i = 0; i < n; i++) sum += i % 7; return sum; }
const end = Date.now() + 1500;
while (Date.now() < end) hotFunction(1e6);
console.log("ready");
setInterval(() => {}, 1000);
`;

/** Node also leaves a log in its working directory, which is therefore the temporary one. */
describe.skipIf(!isRoot)("code that node generated", () => {
  const script = join(directory, "script.cjs");
  beforeAll(() => writeFileSync(script, SCRIPT));

  /** The optimized function's line of the perf map. */
  function hotLine(map: string): { start: bigint; size: bigint; name: string } {
    const line = readFileSync(map, "utf8")
      .split("\n")
      .findLast((one) => /^[0-9a-f]+ [0-9a-f]+ JS:\*hotFunction /.test(one));
    const [start, size, ...name] = (line ?? "").split(" ");
    return { start: BigInt(`0x${start}`), size: BigInt(`0x${size}`), name: name.join(" ") };
  }

  test("is named by its perf map", async () => {
    const { pid } = await start(process.execPath, ["--perf-basic-prof", script], { cwd: directory });
    const map = `/tmp/perf-${pid}.map`;
    try {
      const { start: first, size, name } = hotLine(map);
      const target = openLiveProcess(pid);
      const found = { symbol: name, size: Number(size), module: "[jit]", symbolSource: map, inlined: false };
      expect(target.resolve(first, false)).toMatchObject([{ ...found, offset: 0 }]);
      expect(target.resolve(first + size - 1n, false)).toMatchObject([{ ...found, offset: Number(size) - 1 }]);
      // A return address may be that of the first byte behind the function.
      expect(target.resolve(first + size, true)).toMatchObject([{ ...found, offset: Number(size) }]);

      const generated = readMaps(pid).find(({ kind, permissions }) => kind === "anonymous" && permissions.execute);
      expect(resolveOne(target, generated!.start).reason).toMatch(`${map} does not name`);

      // What is generated later is found too.
      writeFileSync(map, `${generated!.start.toString(16)} 10 written later\nnonsense\n`, { flag: "a" });
      expect(resolveOne(target, generated!.start).symbol).toBe("written later");
      expect(target.symbolizer.problems().join()).toMatch("1 lines are no entries");
    } finally {
      rmSync(map, { force: true });
    }
  });

  test("in a container is named by the perf map below its own root, under its own PID", async () => {
    const tmp = "mount -t tmpfs none /tmp";
    const script = join(directory, "script.cjs");
    // The script is read before /tmp is hidden: node gets it on the command line.
    const command = `${tmp} && exec ${process.execPath} --perf-basic-prof -e "$SCRIPT"`;
    const outer = await start("unshare", ["-m", "-p", "-f", "--mount-proc", "sh", "-c", command], {
      cwd: directory,
      env: { ...process.env, SCRIPT: readFileSync(script, "utf8") },
    });
    const pid = Number(execFileSync("pgrep", ["-P", String(outer.pid)], { encoding: "utf8" }));
    const { start: first, name } = hotLine(`/proc/${pid}/root/tmp/perf-1.map`);
    // Somebody else's file under the outer PID does not matter.
    writeFileSync(`/tmp/perf-${pid}.map`, `${first.toString(16)} 10 wrong\n`);
    try {
      expect(resolveOne(openLiveProcess(pid), first)).toMatchObject({
        symbol: name,
        symbolSource: "/tmp/perf-1.map",
      });
    } finally {
      rmSync(`/tmp/perf-${pid}.map`);
    }
  });
});

/** Maps a page for code, as a compiler at run time does, and prints its address. */
const GENERATES = WAITING.replace(
  'puts("ready")',
  'printf("%p\\n", mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); puts("ready")',
).replace("#include <unistd.h>", "#include <unistd.h>\n#include <sys/mman.h>");

describe.skipIf(!isRoot || !hasTool("gcc"))("a perf map", () => {
  const program = join(directory, "generates");
  beforeAll(() => void compile(program, GENERATES));

  async function startWith(prepare: (map: string, line: string) => void): Promise<Frame> {
    const { pid, output } = await start(program, [], { uid: NOBODY });
    const map = `/tmp/perf-${pid}.map`;
    prepare(map, `${BigInt(output.trim()).toString(16)} 10 generated\n`);
    try {
      return resolveOne(openLiveProcess(pid), BigInt(output.trim()));
    } finally {
      rmSync(map, { recursive: true, force: true });
    }
  }

  test.each([
    ["of the process's user", NOBODY],
    ["of root", 0],
  ])("%s is read", async (_whose, owner) => {
    const frame = await startWith((map, line) => {
      writeFileSync(map, line);
      chownSync(map, owner, owner);
    });
    expect(frame.symbol).toBe("generated");
  });

  test.each<[what: string, prepare: (map: string, line: string) => void, reason: RegExp]>([
    ["that is not there", () => {}, /generated at run time: the process writes no perf map \(\/tmp\/perf-\d+\.map\)/],
    ["that is empty", (map) => writeFileSync(map, ""), /does not name/],
    [
      "of somebody else",
      (map, line) => {
        writeFileSync(map, line);
        chownSync(map, 12345, 12345);
      },
      /belongs to user 12345, not to the process's/,
    ],
    [
      "behind a symbolic link",
      (map, line) => {
        writeFileSync(join(directory, "elsewhere.map"), line);
        symlinkSync(join(directory, "elsewhere.map"), map);
      },
      /is not a regular file/,
    ],
    ["that is a FIFO", (map) => void execFileSync("mkfifo", [map]), /is not a regular file/],
    ["that is a directory", (map) => mkdirSync(map), /is not a regular file/],
  ])("%s is not read, with the reason", async (_what, prepare, reason) => {
    const frame = await startWith(prepare);
    expect(frame).toMatchObject({ module: "[jit]", reason: expect.stringMatching(reason) });
    expect(frame.symbol).toBeUndefined();
  });
});

describe.skipIf(!isRoot || !hasTool("gcc") || !hasTool("nm"))("the files of a process", () => {
  async function startCopy(name: string, flags: string[] = []) {
    const path = compile(join(directory, name), WAITING, flags);
    const original = `${path}.original`;
    copyFileSync(path, original);
    const { pid, ...rest } = await start(path, [], { uid: NOBODY });
    return { pid, path, original, running: { pid, ...rest }, main: addressOf(pid, path, "main") };
  }

  function replace(path: string): void {
    writeFileSync(`${path}.new`, readFileSync("/bin/true"));
    renameSync(`${path}.new`, path);
  }

  test.each([
    ["with a build ID", ["-Wl,--build-id"]],
    ["without one", ["-Wl,--build-id=none"]],
  ])("are those that it runs, not what replaced them on disk: %s", async (name, flags) => {
    const { pid, path, main } = await startCopy(`replaced ${name}`, flags);
    replace(path);
    expect(resolveOne(openLiveProcess(pid), main)).toMatchObject({ symbol: "main", offset: 0, module: path });
    // Where /proc/PID/map_files is denied there is still /proc/PID/exe for the program itself.
    asNobody(() => expect(resolveOne(openLiveProcess(pid), main).symbol).toBe("main"));
  });

  test("of a library that was replaced, without map_files, nothing is told but why", async () => {
    const library = compile(join(directory, "libold.so"), "int old_function(void) { return 1; }", ["-shared", "-fPIC"]);
    const source = WAITING.replace("int main", "int old_function(void); int main").replace(
      "pause()",
      "pause(), old_function()",
    );
    const { pid } = await start(compile(join(directory, "uses-old"), source, [library]), [], { uid: NOBODY });
    const address = addressOf(pid, library, "old_function");
    asNobody(() => expect(resolveOne(openLiveProcess(pid), address).symbol).toBe("old_function"));
    const newer = "int other(void) { return 2; } int another(void) { return 3; }";
    compile(join(directory, "libnew.so"), newer, ["-shared", "-fPIC"]);
    renameSync(join(directory, "libnew.so"), library);
    expect(resolveOne(openLiveProcess(pid), address).symbol).toBe("old_function");
    asNobody(() => {
      const frame = resolveOne(openLiveProcess(pid), address);
      expect(frame.symbol).toBeUndefined();
      expect(frame.reason).toMatch(/not the file that process \d+ runs/);
    });
  });

  test.each([
    ["with a build ID", ["-Wl,--build-id"]],
    ["without one", ["-Wl,--build-id=none"]],
  ])("answer when it has exited, as long as they are the same: %s", async (name, flags) => {
    const { pid, path, original, running, main } = await startCopy(`exits ${name}`, flags);
    const [same, replaced, copied] = [openLiveProcess(pid), openLiveProcess(pid), openLiveProcess(pid)];
    const asked = openLiveProcess(pid);
    expect(resolveOne(asked, main).symbol).toBe("main");
    await stop(running);
    expect(resolveOne(same, main).symbol).toBe("main");
    replace(path);
    expect(resolveOne(replaced, main)).toMatchObject({ reason: expect.any(String) });
    expect(resolveOne(replaced, main).symbol).toBeUndefined();
    expect(resolveOne(asked, main).symbol).toBe("main");
    // A copy has another inode, so only its build ID says that it is the same.
    copyFileSync(original, `${path}.copy`);
    renameSync(`${path}.copy`, path);
    expect(resolveOne(copied, main).symbol).toBe(name === "with a build ID" ? "main" : undefined);
  });

  test("and its separate debug files are looked for below its own root first", async () => {
    // The container has the program without debug information and its debug file; this machine has neither there.
    const root = join(directory, "container");
    const place = join(root, "opt/app");
    mkdirSync(join(root, "usr/lib/debug/opt/app"), { recursive: true });
    mkdirSync(place, { recursive: true });
    compile(join(place, "it"), WAITING, ["-g", "-static"]);
    chmodSync(root, 0o755);
    const debug = join(root, "usr/lib/debug/opt/app/it.debug");
    run("objcopy", "--only-keep-debug", join(place, "it"), debug);
    const value = run("nm", join(place, "it"))
      .split("\n")
      .find((line) => line.endsWith(" T main"))
      ?.split(" ")[0];
    const [line] = run("addr2line", "-e", join(place, "it"), `${value}`).trim().split("\n");
    run("strip", join(place, "it"));
    run("objcopy", `--add-gnu-debuglink=${debug}`, join(place, "it"));
    // Not chroot: in a mount namespace of its own, the kernel prints paths as the process sees them.
    const enter = `mount --rbind ${root} ${root} && cd ${root} && mkdir -p old && pivot_root . old && exec /opt/app/it`;
    const { pid } = await start("unshare", ["-m", "sh", "-c", enter]);
    const frames = openLiveProcess(pid).resolve(BigInt(`0x${value}`), false);
    expect(frames[0]).toMatchObject({ symbol: "main", module: "/opt/app/it" });
    expect(`${frames[0].file}:${frames[0].line}`).toBe(line.replace(/ \(discriminator.*/, ""));
    expect(frames[0].lineSource).toMatch(/^\/usr\/lib\/debug\/opt\/app\/it\.debug/);
  });

  test("that are not ELF files say so, and spoil nothing else", async () => {
    const path = join(directory, "garbage");
    writeFileSync(path, Buffer.alloc(8192, "garbage "));
    const source = GENERATES.replace(
      "MAP_PRIVATE | MAP_ANONYMOUS, -1",
      "MAP_PRIVATE, open(ARGUMENT, O_RDONLY)",
    ).replace("#include <unistd.h>", `#include <unistd.h>\n#include <fcntl.h>\n#define ARGUMENT "${path}"`);
    const program = compile(join(directory, "maps-garbage"), source);
    const { pid, output } = await start(program);
    const target = openLiveProcess(pid);
    const main = addressOf(pid, program, "main");
    const [garbage, good] = target.resolveAll([BigInt(output.trim()), main], false);
    expect(garbage[0]).toMatchObject({ module: path, reason: expect.stringMatching(/not an ELF file/i) });
    expect(good[0].symbol).toBe("main");
  });
});

/** A 32-bit program without a C library: prints `ready` and waits. */
const ASSEMBLY = `
.globl _start
_start: mov $4, %eax; mov $1, %ebx; mov $text, %ecx; mov $6, %edx; int $0x80
        mov $29, %eax; int $0x80
.data
text: .ascii "ready\\n"
`;

describe.skipIf(!isRoot || !hasTool("gcc") || !hasTool("readelf"))("the vDSO", () => {
  /** The functions of a process's vDSO, read from its memory by readelf: name → absolute address. */
  function vdsoFunctions(pid: number): Map<string, bigint> {
    const mapping = readMaps(pid).find(({ kind }) => kind === "vdso")!;
    const size = Number(mapping.end - mapping.start);
    const copy = join(directory, `vdso-${pid}.so`);
    const skip = mapping.start / 4096n;
    execFileSync("dd", [`if=/proc/${pid}/mem`, `of=${copy}`, "bs=4096", `skip=${skip}`, `count=${size / 4096}`], {
      stdio: "ignore",
    });
    const lines = run("readelf", "--dyn-syms", "-W", copy).split("\n");
    const symbols = lines.map((line) => line.trim().split(/\s+/)).filter((fields) => fields[3] === "FUNC");
    return new Map(symbols.map((fields) => [fields[7].split("@")[0], mapping.start + BigInt(`0x${fields[1]}`)]));
  }

  function expectNamed(target: LiveProcess, functions: ReadonlyMap<string, bigint>): void {
    expect(functions.size).toBeGreaterThan(2);
    for (const [name, address] of functions) {
      const frame = resolveOne(target, address);
      expect(frame).toMatchObject({ module: "[vdso]", offset: 0 });
      expect([frame.symbol, ...(frame.aliases ?? [])]).toContain(name);
    }
  }

  test("is the process's own, and answers when it has exited", async () => {
    const running = await start(compile(join(directory, "with-vdso"), WAITING));
    const functions = vdsoFunctions(running.pid);
    const later = openLiveProcess(running.pid);
    expectNamed(openLiveProcess(running.pid), functions);
    await stop(running);
    expectNamed(later, functions);
  });

  test("is the 32-bit one in a 32-bit process", async ({ skip }) => {
    const program = join(directory, "program32");
    writeFileSync(`${program}.s`, ASSEMBLY);
    try {
      execFileSync("gcc", ["-m32", "-nostdlib", "-static", "-o", program, `${program}.s`], { stdio: "ignore" });
      execFileSync("timeout", ["0.2", program], { stdio: "ignore" });
    } catch (error) {
      if ((error as { status?: number }).status !== 124) return skip("32-bit programs do not run here");
    }
    const { pid } = await start(program);
    const functions = vdsoFunctions(pid);
    expect(functions.has("__kernel_vsyscall")).toBe(true); // only 32-bit x86 has it: vdso(7)
    expectNamed(openLiveProcess(pid), functions);
  });
});
