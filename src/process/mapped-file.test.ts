import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  compile,
  hasTool,
  killStartedPrograms,
  presentInCi,
  type Running,
  start,
  stop,
  temporaryDirectory,
  WAITING,
} from "../../test/support/programs.ts";
import { readMaps } from "./live-maps.ts";
import { type MappedFile, openMappedFile } from "./mapped-file.ts";
import type { Mapping } from "./maps.ts";
import { openMemory, readMemory } from "./memory.ts";

const isRoot = presentInCi(process.geteuid?.() === 0, "the privilege of root");
const hasGcc = hasTool("gcc");
const NOBODY = 65534;
const directory = temporaryDirectory();
killStartedPrograms();

/** The executable mapping of the file with that base name. */
function codeOf(pid: number, name: string): Mapping {
  const found = readMaps(pid).find(({ permissions, path }) => permissions.execute && path.endsWith(`/${name}`));
  if (!found) throw new Error(`${name} is not mapped`);
  return found;
}

function contentsOf(file: MappedFile): Buffer {
  try {
    return Buffer.from(file.bytes.read(0, file.bytes.size));
  } finally {
    file.bytes.close();
  }
}

/** Runs `look` without privilege, which closes map_files as a container does. */
function asNobody<T>(look: () => T): T {
  process.seteuid?.(NOBODY);
  try {
    return look();
  } finally {
    process.seteuid?.(0);
  }
}

describe.skipIf(!hasGcc)("readMaps", () => {
  test("reads what the process itself reads", async () => {
    const source = WAITING.replace(
      'puts("ready");',
      'FILE *maps = fopen("/proc/self/maps", "r"); for (int c; (c = getc(maps)) != EOF;) putchar(c); puts("ready");',
    );
    const { pid, output } = await start(compile(join(directory, "prints-maps"), source));
    // The columns as cut by hand from the program's own output; fopen's buffers may have moved the heap's end since.
    const printed = output.split("\n").filter((line) => line.includes("/") && !line.includes("[heap]"));
    const read = readMaps(pid).filter(({ kind }) => kind === "file");
    expect(read.map(({ path }) => path)).toEqual(printed.map((line) => line.slice(73)));
    expect(read.map(({ start }) => start)).toEqual(printed.map((line) => BigInt(`0x${line.split("-")[0]}`)));
    expect(read.length).toBeGreaterThan(8);
  });

  test("says that a process is gone", async () => {
    const program = await start(compile(join(directory, "ends"), WAITING));
    await stop(program);
    expect(() => readMaps(program.pid)).toThrow(expect.objectContaining({ code: "target-gone" }));
  });
});

describe.skipIf(!hasGcc || !isRoot)("openMappedFile", () => {
  const waiting = join(directory, "waiting");
  let contents: Buffer;
  beforeAll(() => {
    compile(waiting, WAITING);
    contents = readFileSync(waiting);
  });

  /** Starts a copy of the program under another name, in a directory of its own. */
  async function startCopy(name: string, user = 0): Promise<Running & { path: string }> {
    const path = join(mkdtempSync(join(directory, "copy-")), name);
    chmodSync(dirname(path), 0o755);
    copyFileSync(waiting, path);
    return { ...(await start(path, [], { uid: user })), path };
  }

  test.each(["with blank", "line\nbreak", " (deleted)", "x (deleted)", "back\\slash", "déjà vu"])(
    "opens %j",
    async (name) => {
      const { pid, path } = await startCopy(name);
      const mapping = codeOf(pid, name);
      expect(mapping).toMatchObject({ path, deleted: false });
      expect(contentsOf(openMappedFile(pid, mapping))).toEqual(contents);
    },
  );

  test.each(["with blank", "line\nbreak", "x (deleted)"])("opens %j without map_files too", async (name) => {
    const { pid, path } = await startCopy(name, NOBODY);
    asNobody(() => {
      const file = openMappedFile(pid, codeOf(pid, name));
      expect(file).toMatchObject({ openedAs: `/proc/${pid}/root${path}`, verifiedBy: "inode" });
      expect(contentsOf(file)).toEqual(contents);
    });
  });

  test("opens a deleted executable", async () => {
    const { pid, path } = await startCopy("unlinked");
    rmSync(path);
    const mapping = codeOf(pid, "unlinked");
    expect(mapping.deleted).toBe(true);
    expect(contentsOf(openMappedFile(pid, mapping))).toEqual(contents);
  });

  test("opens a deleted executable without map_files too", async () => {
    const { pid, path } = await startCopy("unlinked", NOBODY);
    rmSync(path);
    asNobody(() => {
      const file = openMappedFile(pid, codeOf(pid, "unlinked"));
      expect(file.openedAs).toBe(`/proc/${pid}/exe`);
      expect(contentsOf(file)).toEqual(contents);
    });
  });

  /** A program with a library of its own, both for user nobody. */
  async function startWithLibrary(name: string): Promise<{ pid: number; library: string; bytes: Buffer }> {
    const library = compile(join(directory, `lib${name}.so`), `int ${name}(void) { return 1; }`, ["-shared", "-fPIC"]);
    const source = `int ${name}(void);\n${WAITING.replace("pause()", `${name}(), pause()`)}`;
    const { pid } = await start(compile(join(directory, name), source, [library]), [], { uid: NOBODY });
    return { pid, library, bytes: readFileSync(library) };
  }

  test("of a replaced library, opens the old one, or none without map_files", async () => {
    const { pid, library, bytes } = await startWithLibrary("replaced");
    writeFileSync(`${library}.new`, readFileSync(waiting));
    renameSync(`${library}.new`, library);
    const mapping = codeOf(pid, "libreplaced.so");
    expect(contentsOf(openMappedFile(pid, mapping))).toEqual(bytes);
    asNobody(() => {
      expect(() => openMappedFile(pid, codeOf(pid, "libreplaced.so"))).toThrow(
        expect.objectContaining({ code: "mismatch", hint: expect.stringContaining("replaced") }),
      );
    });
  });

  test("of a deleted library, says that it is deleted where there is no map_files", async () => {
    const { pid, library, bytes } = await startWithLibrary("removed");
    rmSync(library);
    expect(contentsOf(openMappedFile(pid, codeOf(pid, "libremoved.so")))).toEqual(bytes);
    asNobody(() => {
      expect(() => openMappedFile(pid, codeOf(pid, "libremoved.so"))).toThrow(
        expect.objectContaining({ code: "not-found", message: expect.stringContaining("deleted") }),
      );
    });
  });

  test("opens a file that only the target's mount namespace has", async () => {
    const place = join(directory, "hidden");
    mkdirSync(place);
    const script = `mount -t tmpfs none ${place} && cp ${waiting} ${place}/it && exec setpriv --reuid=${NOBODY} ${place}/it`;
    const { pid } = await start("unshare", ["-m", "sh", "-c", script]);
    expect(contentsOf(openMappedFile(pid, codeOf(pid, "it")))).toEqual(contents);
    asNobody(() => {
      const file = openMappedFile(pid, codeOf(pid, "it"));
      expect(file.openedAs).toBe(`/proc/${pid}/root${place}/it`);
      expect(contentsOf(file)).toEqual(contents);
    });
  });

  test("never opens a file of the same name in our mount namespace", async () => {
    const place = join(directory, "twofold");
    mkdirSync(place);
    copyFileSync("/bin/true", join(place, "it"));
    // The target's own file is hidden from it, too, by a second mount on top.
    const mounts = `mount -t tmpfs none ${place} && cp ${waiting} ${place}/it`;
    const script = `${mounts} && (exec setpriv --reuid=${NOBODY} ${place}/it) & sleep 0.5; mount -t tmpfs none ${place}; wait`;
    const { pid: parent } = await start("unshare", ["-m", "sh", "-c", script]);
    const pid = Number(execFileSync("pgrep", ["-P", String(parent), "-x", "it"], { encoding: "utf8" }));
    for (let tries = 0; tries < 500 && !hiddenFrom(pid, `${place}/it`); tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(contentsOf(openMappedFile(pid, codeOf(pid, "it")))).toEqual(contents);
    asNobody(() => {
      expect(() => openMappedFile(pid, codeOf(pid, "it"))).toThrow(expect.objectContaining({ code: "mismatch" }));
    });
  });

  function hiddenFrom(pid: number, path: string): boolean {
    try {
      readFileSync(`/proc/${pid}/root${path}`);
      return false;
    } catch {
      return true;
    }
  }

  test("opens a file in a chroot, whose path starts at our root", async () => {
    const jail = join(directory, "jail");
    mkdirSync(jail);
    const inside = compile(join(jail, "inside"), WAITING, ["-static"]);
    const { pid } = await start("chroot", [`--userspec=${NOBODY}:0`, jail, "/inside"]);
    expect(codeOf(pid, "inside").path).toBe(inside);
    asNobody(() => {
      const file = openMappedFile(pid, codeOf(pid, "inside"));
      expect(file.openedAs).toBe(inside);
      expect(contentsOf(file)).toEqual(readFileSync(inside));
    });
  });

  test("on overlayfs, where stat and maps may differ, opens the file and refuses another one", async ({ skip }) => {
    const place = join(directory, "overlay");
    for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(join(place, name), { recursive: true });
    cpSync(waiting, join(place, "lower/it"));
    const layers = `lowerdir=${place}/lower,upperdir=${place}/upper,workdir=${place}/work`;
    try {
      execFileSync("mount", ["-t", "overlay", "overlay", "-o", layers, `${place}/merged`], { stdio: "ignore" });
    } catch {
      return skip("overlayfs cannot be mounted here");
    }
    try {
      const { pid } = await start(join(place, "merged/it"), [], { uid: NOBODY });
      expect(contentsOf(openMappedFile(pid, codeOf(pid, "it")))).toEqual(contents);
      asNobody(() => expect(contentsOf(openMappedFile(pid, codeOf(pid, "it")))).toEqual(contents));
      // Replaced through the overlay: the process still runs the file of the lower layer.
      rmSync(join(place, "merged/it"));
      copyFileSync("/bin/true", join(place, "merged/it"));
      expect(contentsOf(openMappedFile(pid, codeOf(pid, "it")))).toEqual(contents);
    } finally {
      execFileSync("umount", ["-l", `${place}/merged`]);
    }
  });

  test("where devices cannot be compared (btrfs), recognises a file by its first page in memory", async () => {
    const { pid, path } = await startCopy("subvolume", NOBODY);
    // maps would show the device of the whole file system, stat that of the subvolume.
    const mapping = { ...codeOf(pid, "subvolume"), deviceMinor: 99 };
    asNobody(() => {
      const file = openMappedFile(pid, mapping);
      expect(file.verifiedBy).toBe("contents");
      expect(contentsOf(file)).toEqual(contents);
    });
    writeFileSync(`${path}.new`, readFileSync("/bin/true"));
    renameSync(`${path}.new`, path);
    asNobody(() => {
      expect(() => openMappedFile(pid, mapping)).toThrow(expect.objectContaining({ code: "mismatch" }));
    });
  });

  test("reads the vDSO from memory: an ELF file with the functions that the kernel puts there", async () => {
    const { pid } = await startCopy("with vdso");
    const mapping = readMaps(pid).find(({ kind }) => kind === "vdso")!;
    const file = openMappedFile(pid, mapping);
    expect(file).toMatchObject({ openedAs: undefined, verifiedBy: "memory" });
    const copy = join(directory, "vdso.so");
    writeFileSync(copy, contentsOf(file));
    const symbols = execFileSync("readelf", ["--dyn-syms", "-W", copy], { encoding: "utf8" });
    expect(symbols).toContain("clock_gettime"); // vdso(7)
  });

  test("says that memory has no file", async () => {
    const { pid } = await startCopy("with stack");
    const stack = readMaps(pid).find(({ kind }) => kind === "stack")!;
    expect(() => openMappedFile(pid, stack)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  test("refuses a mapping that is gone and whose path leads elsewhere", async () => {
    const { pid } = await startCopy("elsewhere");
    const mapping = { ...codeOf(pid, "elsewhere"), inode: 1n };
    expect(() => openMappedFile(pid, mapping)).toThrow(expect.objectContaining({ code: "mismatch" }));
  });
});

describe.skipIf(!hasGcc)("readMemory", () => {
  const TEXT = "the bytes to be read";
  const source = WAITING.replace("int main", `char text[] = "${TEXT}"; int main`).replace(
    'puts("ready")',
    'printf("%p\\n", (void *)text); puts("ready")',
  );

  test("reads another process's variable", async () => {
    const { pid, output } = await start(compile(join(directory, "variable"), source));
    const bytes = readMemory(pid, BigInt(output.trim()), TEXT.length);
    expect(Buffer.from(bytes).toString()).toBe(TEXT);
    expect(readMemory(pid, BigInt(output.trim()), 0)).toHaveLength(0);
  });

  test("fails for what is not mapped, too long, above 63 bits or of a process that is gone", async () => {
    const program = await start(compile(join(directory, "memory"), source));
    const { pid } = program;
    const address = BigInt(program.output.trim());
    expect(() => readMemory(pid, 0n, 1)).toThrow(expect.objectContaining({ code: "io" }));
    expect(() => readMemory(pid, address, 8 << 20)).toThrow(expect.objectContaining({ code: "io" }));
    expect(() => readMemory(pid, address, 2 ** 40)).toThrow(expect.objectContaining({ code: "limit" }));
    expect(() => readMemory(pid, address, -1)).toThrow(expect.objectContaining({ code: "limit" }));
    expect(() => readMemory(pid, 0xffffffffff600000n, 1)).toThrow(expect.objectContaining({ code: "io" }));
    await stop(program);
    expect(() => readMemory(pid, address, 1)).toThrow(expect.objectContaining({ code: "target-gone" }));
  });

  test("a mapping read as a file has bounds", async () => {
    const { pid } = await start(compile(join(directory, "bounds"), source));
    const mapping = codeOf(pid, "bounds");
    const memory = openMemory(pid, mapping);
    expect(memory.size).toBe(Number(mapping.end - mapping.start));
    expect(() => memory.read(memory.size - 1, 2)).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
