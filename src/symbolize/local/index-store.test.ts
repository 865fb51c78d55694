/** Indexes on disk: the same answers as fresh ones, and never those of other files, other users, or damage. */

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { beforeEach, describe, expect, test } from "vitest";
import { compile, hasTool, temporaryDirectory } from "../../../test/support/programs.ts";
import { virtualAddress } from "../../base/address.ts";
import { ByteOutput } from "../../base/byte-output.ts";
import { cacheFolder } from "../../os/own-folder.ts";
import type { ModuleFrame } from "../frame.ts";
import { HEADER_SIZE, PAGE_SIZE, pageCount } from "../index-file/header.ts";
import { IndexStore } from "./index-store.ts";
import { openLocalModule } from "./local-module.ts";

const directory = temporaryDirectory();
const SOURCE = (lines: string): string =>
  `${lines}int leaf(int a) { return a * 3; }\nint main(void) { return leaf(2); }\n`;
const isRoot = process.geteuid?.() === 0;
let cache: string;
let count = 0;

beforeEach(() => {
  cache = join(directory, `cache${count++}`);
});

function store(stamp = "test"): IndexStore {
  return new IndexStore(cacheFolder({ XDG_CACHE_HOME: cache }, "index"), stamp);
}

function files(): string[] {
  const folder = join(cache, "leakline", "index");
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function addressOf(path: string, name: string): number {
  return Number.parseInt(
    new RegExp(`^([0-9a-f]+) T ${name}$`, "m").exec(execFileSync("nm", [path], { encoding: "utf8" }))?.[1] ?? "",
    16,
  );
}

function lineByAddr2line(path: string, address: number): number {
  const text = execFileSync("addr2line", ["-e", path, `0x${address.toString(16)}`], { encoding: "utf8" });
  return Number(/:(\d+)/.exec(text)?.[1]);
}

/** Resolves through a store of its own, as a run of the command does, and saves it. */
function resolve(path: string, address: number, answers = store()): ModuleFrame {
  const module = openLocalModule(path, [], undefined, answers);
  const frames = module.find(virtualAddress(address), false);
  expect(module.findAll([virtualAddress(address)], false)).toEqual([frames]);
  module.close();
  answers.save();
  return frames[0];
}

/** Writes wrong answers into every index; with `sealed`, with checksums that are right again. */
function plant(sealed: boolean): void {
  for (const path of files()) {
    const bytes = Buffer.from(readFileSync(path).toString("latin1").replaceAll("leaf", "evil"), "latin1");
    if (sealed) seal(bytes);
    writeFileSync(path, bytes);
  }
}

/** Computes the checksums anew, as docs/index-format.md says: of each page, of the table of those, of the header. */
function seal(bytes: Buffer): void {
  const pagesEnd = bytes.readDoubleLE(128);
  for (let i = 0; i < pageCount(pagesEnd); i++) {
    const at = HEADER_SIZE + i * PAGE_SIZE;
    bytes.writeUInt32LE(crc32(bytes.subarray(at, Math.min(at + PAGE_SIZE, pagesEnd))), pagesEnd + 4 * i);
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(pagesEnd)), 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_SIZE - 4)), HEADER_SIZE - 4);
}

describe.skipIf(!["gcc", "nm", "addr2line", "objcopy"].every((tool) => hasTool(tool)))(
  "answers of earlier runs",
  () => {
    const program = (name: string, lines = ""): string =>
      compile(join(directory, name), SOURCE(lines), ["-g", "-O0", "-Wl,--build-id"]);

    test("are used, and are what a fresh run says", () => {
      const path = program("same");
      const address = addressOf(path, "leaf");
      const fresh = resolve(path, address);
      expect(fresh).toMatchObject({ symbol: "leaf", offset: 0, line: lineByAddr2line(path, address) });
      expect(resolve(path, address)).toStrictEqual(fresh);
      // That it is the kept one shows when it is changed.
      plant(true);
      expect(resolve(path, address).symbol).toBe("evil");
    });

    test("are kept besides those of runs before", () => {
      const path = program("more");
      const addresses = ["leaf", "main"].map((name) => addressOf(path, name));
      const fresh = addresses.map((address) => resolve(path, address));
      expect(fresh.map(({ symbol }) => symbol)).toEqual(["leaf", "main"]);
      plant(true);
      expect(addresses.map((address) => resolve(path, address).symbol)).toEqual(["evil", "main"]);
      expect(files()).toHaveLength(1);
    });

    test("of a return address are those of the byte before it", () => {
      const path = program("return");
      const address = addressOf(path, "main");
      const ask = (isReturn: boolean): ModuleFrame[] => {
        const answers = store();
        const module = openLocalModule(path, [], undefined, answers);
        const frames = module.find(virtualAddress(address + 1), isReturn);
        module.close();
        answers.save();
        return frames;
      };
      const fresh = [ask(true), ask(false)];
      expect(fresh[0][0]).toMatchObject({ symbol: "main", offset: 1, moduleAddress: address + 1 });
      expect([ask(true), ask(false)]).toStrictEqual(fresh);
    });

    test("are not used when a checksum is wrong, and are then written anew", () => {
      const path = program("damaged");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      const [file] = files();
      const whole = readFileSync(file);
      plant(false);
      expect(resolve(path, address).symbol).toBe("leaf");
      expect(readFileSync(file)).toEqual(whole);
      for (const damaged of [Buffer.from("rubbish"), Buffer.alloc(0), whole.subarray(0, -1)]) {
        writeFileSync(file, damaged);
        const answers = store();
        expect(resolve(path, address, answers).symbol).toBe("leaf");
        expect(answers.refused).toHaveLength(1);
        expect(readFileSync(file)).toEqual(whole);
      }
    });

    test("are refused whichever bit is flipped", () => {
      const path = program("flipped");
      const address = addressOf(path, "leaf");
      const fresh = resolve(path, address);
      const [file] = files();
      const whole = readFileSync(file);
      for (let bit = 0; bit < 8 * whole.length; bit += 7) {
        const flipped = Buffer.from(whole);
        flipped[bit >> 3] ^= 1 << (bit & 7);
        writeFileSync(file, flipped);
        const answers = store();
        expect(resolve(path, address, answers)).toStrictEqual(fresh);
        expect(answers.refused).toHaveLength(1);
      }
    });

    test("of other code are not used", () => {
      const path = program("stamped");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      plant(true);
      expect(resolve(path, address, store("another")).symbol).toBe("leaf");
    });

    test("of another binary are not used, even under the name of its own", () => {
      const [one, other] = [program("one"), program("other", "\n\n\n")];
      resolve(one, addressOf(one, "leaf"));
      const [ofOne] = files();
      resolve(other, addressOf(other, "leaf"));
      const [ofOther] = files().filter((file) => file !== ofOne);
      renameSync(ofOne, ofOther);
      const answers = store();
      expect(resolve(other, addressOf(other, "leaf"), answers).line).toBe(
        lineByAddr2line(other, addressOf(other, "leaf")),
      );
      expect(answers.refused).toEqual([expect.stringContaining("of other files")]);
    });

    test("are not used for a file that was built anew at the same path", () => {
      const path = program("rebuilt");
      const before = resolve(path, addressOf(path, "leaf"));
      program("rebuilt", "\n\n\n");
      const after = resolve(path, addressOf(path, "leaf"));
      expect(after.line).toBe(lineByAddr2line(path, addressOf(path, "leaf")));
      expect(after.line).toBe((before.line ?? 0) + 3);
    });

    test("are not kept while something is missing: debug information that comes later is used", () => {
      const path = program("late");
      const address = addressOf(path, "leaf");
      const line = lineByAddr2line(path, address);
      execFileSync("objcopy", ["--only-keep-debug", path, `${path}.debug`]);
      const bare = `${path}-bare`;
      execFileSync("objcopy", ["--strip-debug", path, bare]);
      expect(resolve(bare, address).line).toBeUndefined();
      execFileSync("objcopy", [`--add-gnu-debuglink=${path}.debug`, bare]);
      expect(resolve(bare, address).line).toBe(line);
    });

    test.skipIf(!hasTool("llvm-dwp-19"))(
      "are not kept when they come from a .dwo file, which may change: nor is an index of the whole",
      () => {
        const path = join(directory, "split");
        // Only the .dwo file has the name of what is inlined.
        const inner = "static inline __attribute__((always_inline)) int inner(int a) { return a * 3 + a / 7; }\n";
        writeFileSync(
          `${path}.c`,
          `${inner}int leaf(int a) { return inner(a); }\nint main(void) { return leaf(2); }\n`,
        );
        const flags = ["-g", "-O1", "-gsplit-dwarf", "-Wl,--build-id", "-o", "split", "split.c"];
        execFileSync("gcc", flags, { cwd: directory });
        const dwo = readdirSync(directory).filter((name) => name.startsWith("split") && name.endsWith(".dwo"));
        expect(dwo).toHaveLength(1);
        const address = addressOf(path, "leaf") + 4;
        expect(resolve(path, address)).toMatchObject({ symbol: "inner", line: 1 });
        const answers = store();
        const module = openLocalModule(path, [], undefined, answers);
        expect(() => module.keepWhole()).toThrow(".dwo files, which may change");
        module.close();
        answers.save();
        expect(files()).toEqual([]);
        // As another compilation with the same id: what is asked now is what is there now.
        const split = join(directory, dwo[0]);
        writeFileSync(split, readFileSync(split, "latin1").replaceAll("inner", "other"), "latin1");
        expect(resolve(path, address).symbol).toBe("other");
        rmSync(split);
        expect(resolve(path, address)).toMatchObject({ symbol: "leaf", reason: expect.stringContaining(".dwo") });
        expect(files()).toEqual([]);
        // One file of all of them is known by its identity.
        execFileSync("gcc", flags, { cwd: directory });
        execFileSync("llvm-dwp-19", ["-o", `${path}.dwp`, split]);
        rmSync(split);
        const fresh = resolve(path, address);
        expect(fresh).toMatchObject({ symbol: "inner", line: 1 });
        expect(files()).toHaveLength(1);
        expect(resolve(path, address)).toStrictEqual(fresh);
        const another = execFileSync("mktemp", { encoding: "utf8" }).trim();
        renameSync(`${path}.dwp`, another);
        expect(resolve(path, address)).toMatchObject({ symbol: "leaf", reason: expect.stringContaining(".dwo") });
        rmSync(another);
      },
    );

    test.skipIf(!isRoot)("of another user are not used", () => {
      const path = program("planted");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      plant(true);
      for (const file of files()) chownSync(file, 65534, 65534);
      expect(resolve(path, address).symbol).toBe("leaf");
      expect(files().map((file) => statSync(file).uid)).toEqual([0]);
    });

    test("that others can write to, or that a link leads to, are not used", () => {
      const path = program("open");
      const address = addressOf(path, "leaf");
      resolve(path, address);
      plant(true);
      const [file] = files();
      chmodSync(file, 0o666);
      expect(resolve(path, address).symbol).toBe("leaf");
      plant(true);
      renameSync(file, `${cache}-planted`);
      symlinkSync(`${cache}-planted`, file);
      expect(resolve(path, address).symbol).toBe("leaf");
      // Written anew in its place, not through the link.
      expect(readFileSync(`${cache}-planted`, "latin1")).toContain("evil");
      expect(readFileSync(file, "latin1")).toContain("leaf");
    });

    test("of two runs at once are those of the last, whole", () => {
      const path = program("twice");
      const [leaf, main] = ["leaf", "main"].map((name) => addressOf(path, name));
      const both = [store(), store()];
      const modules = both.map((answers) => openLocalModule(path, [], undefined, answers));
      modules[0].find(virtualAddress(leaf), false);
      modules[1].find(virtualAddress(main), false);
      for (const answers of both) answers.save();
      expect(both.flatMap(({ problem, refused }) => [problem, ...refused])).toEqual([undefined, undefined]);
      expect(files()).toHaveLength(1);
      expect(resolve(path, main).symbol).toBe("main");
      expect(resolve(path, leaf).symbol).toBe("leaf");
    });

    test("a binary without a build ID has none", () => {
      const path = compile(join(directory, "nameless"), SOURCE(""), ["-g", "-Wl,--build-id=none"]);
      resolve(path, addressOf(path, "leaf"));
      expect(files()).toEqual([]);
    });

    test("a place that cannot be written to costs nothing but the answers, and is told", () => {
      const path = program("full");
      const answers = new IndexStore("/proc/nowhere", "test");
      expect(resolve(path, addressOf(path, "leaf"), answers).symbol).toBe("leaf");
      expect(answers.problem).toContain("/proc/nowhere");
    });

    test.skipIf(!isRoot)("a full disk costs nothing but the answers, and is told", () => {
      const path = program("enospc");
      mkdirSync(cache);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k,mode=700", "leakline-test", cache]);
      try {
        const answers = store();
        writeFileSync(join(cache, "fills"), Buffer.alloc(1 << 14));
        const address = addressOf(path, "leaf");
        expect(resolve(path, address, answers).symbol).toBe("leaf");
        expect(answers.problem).toContain("ENOSPC");
        expect(files()).toEqual([]);
      } finally {
        execFileSync("umount", [cache]);
      }
    });

    test("a file that is written to while it is read has no answers, neither now nor later", () => {
      const path = program("written");
      const answers = store();
      const module = openLocalModule(path, [], undefined, answers);
      const at = virtualAddress(addressOf(path, "leaf"));
      expect(module.find(at, false)[0].symbol).toBe("leaf");
      utimesSync(path, 1, 1);
      expect(module.find(virtualAddress(at + 1), false)).toEqual([
        { inlined: false, moduleAddress: at + 1, reason: expect.stringContaining("changed while it was read") },
      ]);
      expect(module.findAll([at, virtualAddress(at + 2)], false)[1][0].symbol).toBeUndefined();
      answers.save();
      module.close();
      // What was written to has another index.
      expect(resolve(path, at).symbol).toBe("leaf");
      expect(files()).toHaveLength(2);
    });
  },
);

test("an index whose damage shows only on the way gives nothing from there on, and is removed", () => {
  const COUNT = 3000;
  const frame = (i: number): ModuleFrame => ({
    inlined: false,
    symbol: `${i} `.padEnd(100, "x"),
    offset: 0,
    moduleAddress: i,
  });
  const filled = store();
  for (let i = 0; i < COUNT; i++) filled.of("files")?.keep(i, false, [frame(i)]);
  filled.save();
  const [file] = files();
  const bytes = readFileSync(file);
  // The string that was written last: on another page than all rows.
  bytes[bytes.readDoubleLE(128) - 1] ^= 1;
  writeFileSync(file, bytes);
  const answers = store();
  const batch = answers.of("files")?.look([5, COUNT - 1, 6], false);
  const symbolOf = (index: number): string | undefined => {
    let text = "";
    const out = new ByteOutput((piece) => {
      text += Buffer.from(piece).toString();
      return true;
    });
    const isWritten = batch?.pass(index, (chain) => chain.writeSymbol(0, out));
    out.flush();
    return isWritten ? text : undefined;
  };
  expect(batch?.has(1)).toBe(true);
  expect(symbolOf(0)).toBe(frame(5).symbol);
  expect(symbolOf(1)).toBeUndefined();
  expect(answers.refused).toEqual([expect.stringContaining("wrong checksum")]);
  expect([batch?.has(2), batch?.frames(2), symbolOf(2)]).toEqual([false, undefined, undefined]);
  answers.save();
  expect(files()).toEqual([]);
});

describe("the folder", () => {
  const folder = (): string => join(cache, "leakline", "index");

  test("is the user's alone", () => {
    expect(store().problem).toBeUndefined();
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    chmodSync(folder(), 0o777);
    expect(store().problem).toContain("write to");
  });

  test("is not below one that others can write to", () => {
    mkdirSync(folder(), { recursive: true });
    chmodSync(cache, 0o777);
    expect(store().problem).toBe(`others can write to ${cache}`);
    // Where only owners can rename, as in /tmp, they may.
    chmodSync(cache, 0o1777);
    expect(store().problem).toBeUndefined();
  });

  test.skipIf(!isRoot)("is not one that another user owns, nor made in that user's", () => {
    mkdirSync(cache);
    chownSync(cache, 65534, 65534);
    expect(store().problem).toBe(`${cache} belongs to another user`);
    expect(readdirSync(cache)).toEqual([]);
    chownSync(cache, 0, 0);
    mkdirSync(folder(), { recursive: true });
    chownSync(folder(), 65534, 65534);
    expect(store().problem).toContain("belongs to another user");
  });

  test("is nowhere without a home, or below a file", () => {
    expect(cacheFolder({}, "index")).toBeUndefined();
    expect(cacheFolder({ HOME: "relative" }, "index")).toBeUndefined();
    expect(new IndexStore(undefined, "").problem).toBe("no home directory");
    writeFileSync(cache, "");
    expect(store().problem).toContain(cache);
  });

  test.skipIf(!hasTool("gcc"))("keeps two hundred files, those used last, and nothing half written", () => {
    store();
    for (let i = 0; i < 205; i++) {
      writeFileSync(join(folder(), String(i)), "");
      utimesSync(join(folder(), String(i)), i, i);
    }
    writeFileSync(join(folder(), "1234.new"), "");
    utimesSync(join(folder(), "1234.new"), 300, 300);
    const path = compile(join(directory, "newest"), SOURCE(""), ["-g", "-Wl,--build-id"]);
    resolve(path, 0x1000);
    const left = readdirSync(folder()).filter((name) => name.length < 10);
    // Of 207, the newest is the program's.
    expect(left.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 198 }, (_, i) => i + 7));
    rmSync(folder(), { recursive: true });
  });
});
