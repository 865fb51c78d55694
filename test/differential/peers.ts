/**
 * The other symbolizers, each run once over a list of addresses on its stdin.
 *
 * None is asked to demangle: the three write C++ names in three ways, and none of them knows how Rust writes its own.
 * Their names go through leakline's demangler instead (notation.ts), which is measured against llvm-cxxfilt by itself.
 */

import { spawnSync } from "node:child_process";
import type { Answer, Answers, PlainFrame } from "./answer.ts";

export type Peer = {
  readonly name: string;
  readonly program: string;
  /** Asked for about so many addresses of a binary, and for all on which no other agrees; undefined: for all. */
  readonly sample?: number;
  resolve(file: string, addresses: readonly number[]): Answers;
};

/** `llvm-symbolizer --inlines`. Version 19: older ones know less DWARF 5. */
export const LLVM: Peer = {
  name: "llvm",
  program: "llvm-symbolizer-19",
  resolve(file, addresses) {
    const options = ["--inlines", "--no-demangle", "--output-style=JSON", `--obj=${file}`];
    const output = ask(this.program, options, addresses);
    const answers = linesOf(output).map((line) => (JSON.parse(line) as LlvmAnswer).Symbol ?? []);
    return complete(
      this,
      addresses,
      answers.map((frames) =>
        frames.map(({ FunctionName, FileName, Line }) => ({ name: FunctionName, file: FileName, line: Line })),
      ),
    );
  },
};

type LlvmAnswer = { Symbol?: { FunctionName: string; FileName: string; Line: number }[] };

/** `addr2line -fi` of GNU binutils; `-a` prints each address before its frames. */
export const GNU: Peer = {
  name: "gnu",
  program: "addr2line",
  resolve(file, addresses) {
    return complete(this, addresses, blocksOf(ask(this.program, ["-fia", "-e", file], addresses)).map(gnuFrames));
  },
};

/**
 * `eu-addr2line -fi` of elfutils; `-A` makes paths absolute as the others' are. In a large C++ program it takes 40 ms for
 * an address, a thousand times what the others do.
 */
export const ELFUTILS: Peer = {
  name: "eu",
  program: "eu-addr2line",
  sample: 1000,
  resolve(file, addresses) {
    return complete(this, addresses, blocksOf(ask(this.program, ["-fiaA", "-e", file], addresses)).map(gnuFrames));
  },
};

export const PEERS: readonly Peer[] = [LLVM, GNU, ELFUTILS];

/** Two lines a frame: the function, and its place. */
function gnuFrames(lines: readonly string[]): Answer {
  const frames: PlainFrame[] = [];
  for (let i = 0; i + 1 < lines.length; i += 2) {
    // eu-addr2line goes on: `f inlined at FILE:LINE:COLUMN in g`.
    const name = lines[i].replace(/ inlined at .*$/, "");
    frames.push({ name: name === "??" ? "" : name, ...place(lines[i + 1]) });
  }
  return frames;
}

/** `FILE:LINE`, `FILE:LINE:COLUMN`, `FILE:?`, and a note behind it. */
function place(text: string): { file: string; line: number } {
  const [, file, line] = /^(.*?):(\d+|\?)(?::\d+)?(?: \(discriminator \d+\))?$/.exec(text) ?? ["", text, "0"];
  return { file: file === "??" ? "" : file, line: line === "?" ? 0 : Number(line) };
}

/** The lines between one address and the next. */
function blocksOf(output: string): string[][] {
  const blocks: string[][] = [];
  for (const line of linesOf(output)) {
    if (/^0x[0-9a-f]+$/.test(line)) blocks.push([]);
    else blocks.at(-1)?.push(line);
  }
  return blocks;
}

function linesOf(output: string): string[] {
  return output.split("\n").filter((line) => line !== "");
}

function ask(program: string, options: string[], addresses: readonly number[]): string {
  const input = addresses.map((address) => `0x${address.toString(16)}\n`).join("");
  const { stdout, error, signal } = spawnSync("nice", [program, ...options], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 31 - 1,
    env: { ...process.env, LC_ALL: "C", DEBUGINFOD_URLS: "" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  if (error) throw error;
  if (signal) throw new Error(`${program} was ended by ${signal}`);
  return stdout;
}

function complete({ program }: Peer, addresses: readonly number[], answers: Answers): Answers {
  if (answers.length === addresses.length) return answers;
  throw new Error(`${program} gave ${answers.length} answers to ${addresses.length} addresses`);
}
