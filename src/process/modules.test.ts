import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  presentInCi,
  start,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { executableMappings } from "./modules.ts";

const hasTools = hasTool("gcc") && hasTool("readelf");
const isRoot = presentInCi(process.geteuid?.() === 0, "the privilege of root");
const NOBODY = 65534;
const directory = temporaryDirectory();
killStartedPrograms();

/** The build ID as readelf prints it. */
function buildIdOf(path: string): string | undefined {
  return /Build ID: ([0-9a-f]+)/.exec(execFileSync("readelf", ["-n", path], { encoding: "utf8" }))?.[1];
}

/** Offset, address and file size of each PT_LOAD as readelf prints them. */
function loadsOf(path: string): number[][] {
  const lines = execFileSync("readelf", ["-lW", path], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => /^ +LOAD /.test(line))
    .map((line) => {
      const [, offset, address, , fileSize] = line.trim().split(/\s+/);
      return [offset, address, fileSize].map(Number);
    });
}

describe.skipIf(!hasTools)("executableMappings", () => {
  const program = join(directory, "program");
  beforeAll(() => {
    compile(program, WAITING, ["-Wl,--build-id=sha1"]);
  });

  test("identifies each file as readelf does, the executable first", async () => {
    const { pid } = await start(program);
    const modules = executableMappings(pid);
    expect(modules.map(({ path }) => path)).toEqual([
      program,
      expect.stringContaining("libc.so.6"),
      "[vdso]",
      expect.stringContaining("ld-linux"),
    ]);
    for (const { path, buildId, segments, mappings, problem } of modules) {
      expect(problem).toBeUndefined();
      expect(mappings.every(({ permissions }) => permissions.execute)).toBe(true);
      if (path === "[vdso]") continue;
      expect(buildId).toBe(buildIdOf(path));
      const loads = segments.filter(({ type }) => type === 1); // PT_LOAD
      expect(loads.map(({ offset, address, fileSize }) => [offset, address, fileSize])).toEqual(loadsOf(path));
    }
    expect(modules.filter(({ isExecutable }) => isExecutable)).toHaveLength(1);
  });

  test.skipIf(!isRoot)("identifies a deleted library that cannot be opened, by its headers in memory", async () => {
    const library = compile(join(directory, "libgone.so"), "int gone(void) { return 1; }", [
      "-shared",
      "-fPIC",
      "-Wl,--build-id=sha1",
    ]);
    const source = `int gone(void);\n${WAITING.replace("pause()", "gone(), pause()")}`;
    const { pid } = await start(compile(join(directory, "uses-gone"), source, [library]), [], { uid: NOBODY });
    const expected = { buildId: buildIdOf(library), loads: loadsOf(library) };
    rmSync(library);
    process.seteuid?.(NOBODY);
    try {
      const gone = executableMappings(pid).find(({ path }) => path === library)!;
      expect(gone.problem).toMatchObject({ code: "not-found" });
      expect(gone.buildId).toBe(expected.buildId);
      const loads = gone.segments.filter(({ type }) => type === 1);
      expect(loads.map(({ offset, address, fileSize }) => [offset, address, fileSize])).toEqual(expected.loads);
    } finally {
      process.seteuid?.(0);
    }
  });

  test("a mapped file that is no ELF file spoils only itself", async () => {
    const noise = join(directory, "noise.bin");
    writeFileSync(noise, Buffer.alloc(8192, 0x90));
    const source = `
      #include <fcntl.h>
      #include <sys/mman.h>
      ${WAITING.replace("{ puts", `{ mmap(0, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, open("${noise}", O_RDONLY), 0); puts`)}`;
    const { pid } = await start(compile(join(directory, "maps-noise"), source));
    const modules = executableMappings(pid);
    expect(modules.find(({ path }) => path === noise)).toMatchObject({
      problem: { code: "malformed" },
      buildId: undefined,
      segments: [],
    });
    expect(modules.filter(({ problem }) => problem)).toHaveLength(1);
  });

  test("a file mapped under one path in several pieces is one module, whatever link it was started by", async () => {
    const copy = join(directory, "copied");
    copyFileSync(program, copy);
    symlinkSync(copy, join(directory, "link"));
    const { pid } = await start(join(directory, "link"));
    expect(executableMappings(pid)[0]).toMatchObject({ path: copy, isExecutable: true });
  });
});
