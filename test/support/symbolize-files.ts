/**
 * What tests of src/symbolize share: a provider over a folder that counts what it opens, and programs that other tools
 * resolve too.
 */

import { posix } from "node:path";
import { virtualAddress } from "../../src/base/address.ts";
import type { ByteSource } from "../../src/base/bytes.ts";
import { LeaklineError } from "../../src/base/errors.ts";
import { decompress } from "../../src/compress/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { openFile } from "../../src/os/file-bytes.ts";
import type { FileProvider } from "../../src/symbolize/file-provider.ts";
import { Module, type ModuleFrame } from "../../src/symbolize/module.ts";
import { run } from "./oracle.ts";

export type TestFiles = FileProvider & {
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Files open now. */
  readonly open: Set<ByteSource>;
};

/**
 * Files below `roots` (each takes the place of `/`, in this order), or of this machine.
 *
 * @param options.debugDirectories as the process sees them.
 */
export function testFiles(
  options: {
    roots?: readonly string[];
    debugDirectories?: readonly string[];
    byBuildId?: FileProvider["byBuildId"];
  } = {},
): TestFiles {
  const { roots = [""], debugDirectories = [], byBuildId } = options;
  const asked: string[] = [];
  const open = new Set<ByteSource>();
  return {
    asked,
    open,
    debugDirectories,
    decompress,
    ...(byBuildId && { byBuildId }),
    candidates({ path }) {
      asked.push(path);
      return roots.map((root) => () => openCounted(root + posix.normalize(path), open));
    },
  };
}

function openCounted(path: string, open: Set<ByteSource>): ByteSource | undefined {
  try {
    const file = openFile(path);
    const source: ByteSource = {
      name: path,
      size: file.size,
      read: (offset, length) => file.read(offset, length),
      close: () => {
        file.close();
        open.delete(source);
      },
    };
    open.add(source);
    return source;
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "not-found") return undefined;
    throw error;
  }
}

/** The module of a file at its path on this machine, or below the roots of `files`. */
export function moduleAt(path: string, files = testFiles()): Module {
  let source: ByteSource | undefined;
  for (const open of files.candidates({ path })) source ??= open();
  if (!source) throw new Error(`${path}: not there`);
  files.asked.length = 0;
  return new Module(openElf(source, { decompress }), path, files);
}

/** What every peer prints of a frame. */
export type PeerFrame = { name: string; file: string; line: number };

/** `llvm-symbolizer`: the frames of each address, innermost first. Addresses in hexadecimal, with 0x. */
export function llvmFrames(
  path: string,
  addresses: readonly string[],
  tool = "llvm-symbolizer",
  inlines = "--inlines",
): PeerFrame[][] {
  const output = run(tool, "--output-style=LLVM", inlines, `--obj=${path}`, ...addresses);
  return output
    .trimEnd()
    .split("\n\n")
    .map((block) => {
      const lines = block.split("\n");
      const frames: PeerFrame[] = [];
      for (let i = 0; i + 1 < lines.length; i += 2) {
        const [, file, line] = /^(.*):(\d+):\d+$/.exec(lines[i + 1]) ?? [];
        frames.push({ name: lines[i], file, line: Number(line) });
      }
      return frames;
    });
}

/** Our frames in the same form; what is unknown as the peers print it. */
export function peerFrames(frames: readonly ModuleFrame[]): PeerFrame[] {
  return frames.map(({ symbol, file, line }) => ({ name: symbol ?? "??", file: file ?? "??", line: line ?? 0 }));
}

/** The address of a symbol, from nm. */
export function addressOf(path: string, name: string): number {
  const line = run("nm", path)
    .split("\n")
    .find((candidate) => candidate.endsWith(` ${name}`));
  if (!line) throw new Error(`${path} has no symbol ${name}`);
  return Number.parseInt(line, 16);
}

/** The outermost frame at `symbol + offset` of a module. */
export function frameAt(module: Module, symbol: string, offset = 0, isReturnAddress = false): ModuleFrame {
  const address = virtualAddress(addressOf(module.path, symbol) + offset);
  return module.find(address, isReturnAddress).at(-1) as ModuleFrame;
}
