/** `leakline symbolize text`: a filter that resolves the addresses in any log. */

import type { Writable } from "node:stream";
import { annotateLine, describeFrames } from "../report/annotate.ts";
import { toJson } from "../report/json.ts";
import { Answers } from "../symbolize/answers.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Debuginfod } from "../symbolize/local/debuginfod.ts";
import { type FoundAddress, findAddresses, isPerfFrame } from "../symbolize/text-addresses.ts";
import { type AddressSource, filesSource, mapsSource, processSource, type SourceOptions } from "./address-source.ts";
import { ANSWERS_OPTION, answersFrom } from "./answers.ts";
import { type Arguments, type Command, parsePid, usageError } from "./command.ts";
import { DEBUGINFOD_OPTION, debuginfodFrom, resolveAndFetch } from "./debuginfod.ts";
import { elfSource } from "./elf-source.ts";
import { EXIT } from "./exit-codes.ts";
import { filterLines, fromLatin1, toLatin1 } from "./line-stream.ts";
import { note, stdout } from "./output.ts";

export const symbolizeText: Command = {
  name: "symbolize text",
  summary: "a filter: resolve the addresses in any log, from stdin to stdout",
  operands: "",
  options: {
    pid: { value: "PID", short: "p", help: "addresses are those of this running process" },
    maps: { value: "FILE", help: "addresses are those of a process whose /proc/PID/maps was saved here" },
    path: { value: "FILE", help: "addresses are virtual addresses of this ELF file" },
    "file-offset": { help: "with --path: they are offsets into the file instead" },
    sysroot: { value: "DIR", help: "look for files below DIR instead of /", multiple: true },
    replace: { help: "put the answer in place of the address, not behind it" },
    json: { help: "one JSON object a line" },
    "full-paths": { help: "whole paths of source files" },
    "return-addresses": { help: "all addresses are return addresses: look up the call before each" },
    "exact-addresses": { help: "none is; otherwise the format of a line decides" },
    "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
    ...DEBUGINFOD_OPTION,
    ...ANSWERS_OPTION,
  },
  examples: [
    ["cat memleak.log | leakline symbolize text --maps maps.txt --sysroot ./device", "what a device printed"],
    ["./server 2>&1 | leakline symbolize text", "backtraces that name files: (/path/libfoo.so+0x1234)"],
    ["perf script | sudo leakline symbolize text --pid $(pidof server)", "adds lines and inlined functions"],
  ],
  async run(given) {
    if (given.operands.length > 0)
      throw usageError("symbolize text reads from stdin", "leakline symbolize text < FILE");
    await filterText(given, process.stdin, stdout());
    return EXIT.done;
  },
};

/**
 * Copies `input` to `output` with its addresses resolved.
 *
 * @throws LeaklineError `usage`, or when what to resolve against cannot be opened.
 */
export async function filterText(given: Arguments, input: AsyncIterable<Buffer>, output: Writable): Promise<void> {
  const debuginfod = debuginfodFrom(given);
  const source = sourceFrom(given, debuginfod);
  const filter = new TextFilter(source, debuginfod, given);
  await filterLines(input, output, (lines) => filter.transform(lines));
  for (const problem of source.problems()) note(problem);
}

function sourceFrom(given: Arguments, debuginfod: Debuginfod | undefined): AddressSource {
  const [pid, maps, path] = [given.text("pid"), given.text("maps"), given.text("path")];
  if ([pid, maps, path].filter((choice) => choice !== undefined).length > 1)
    throw usageError("give one of --pid, --maps and --path");
  const options: SourceOptions = {
    debugDirectories: given.texts("debug-dir"),
    debuginfod,
    answers: answersFrom(given),
  };
  if (pid !== undefined) return processSource(parsePid(pid), options);
  if (path !== undefined)
    return elfSource(path, { isFileOffset: given.flag("file-offset"), section: undefined }, options);
  const sysroots = given.texts("sysroot");
  return maps === undefined ? filesSource(sysroots, options) : mapsSource(maps, sysroots, options);
}

/** Remembered answers: a log tells of the same addresses again and again. */
const MAX_ANSWERS = 1 << 15;

class TextFilter {
  private readonly source: AddressSource;
  private readonly debuginfod: Debuginfod | undefined;
  private readonly given: Arguments;
  private readonly answers = new Answers<string, Frame[]>(MAX_ANSWERS);
  private lineNumber = 0;
  private isInPerfStack = false;

  constructor(source: AddressSource, debuginfod: Debuginfod | undefined, given: Arguments) {
    this.source = source;
    this.debuginfod = debuginfod;
    this.given = given;
  }

  /** Whole lines in Latin-1 → what to print instead. */
  async transform(lines: readonly string[]): Promise<string> {
    const found = lines.map((line) => this.find(line));
    const answers = await this.resolve(found.flat());
    return lines.map((line, index) => this.render(line, found[index], answers)).join("");
  }

  private find(line: string): FoundAddress[] {
    const found = findAddresses(line, this.isInPerfStack);
    this.isInPerfStack = isPerfFrame(line);
    if (this.given.flag("return-addresses")) return found.map((one) => ({ ...one, isReturnAddress: true }));
    if (this.given.flag("exact-addresses")) return found.map((one) => ({ ...one, isReturnAddress: false }));
    return found;
  }

  /** The frames of each, by its key. */
  private async resolve(found: readonly FoundAddress[]): Promise<Map<string, Frame[]>> {
    const answers = new Map<string, Frame[]>();
    const unknown = new Map<string, FoundAddress>();
    for (const one of found) {
      const key = keyOf(one);
      const frames = this.answers.get(key);
      if (frames) answers.set(key, frames);
      else unknown.set(key, one);
    }
    if (unknown.size === 0) return answers;
    const asked = [...unknown.values()];
    const resolve = (): Frame[][] => resolveFound(this.source, asked);
    const resolved = await resolveAndFetch(this.debuginfod, resolve, () => this.source.reopen());
    for (const [index, key] of [...unknown.keys()].entries()) {
      answers.set(key, resolved[index]);
      this.answers.set(key, resolved[index]);
    }
    return answers;
  }

  private render(line: string, found: readonly FoundAddress[], answers: ReadonlyMap<string, Frame[]>): string {
    this.lineNumber++;
    if (this.given.flag("json")) return this.renderJson(line, found, answers);
    if (found.length === 0) return line;
    const options = { fullPaths: this.given.flag("full-paths") };
    const body = line.endsWith("\n") ? line.slice(0, -1) : line;
    const annotations = found.map((one) => {
      const text = describeFrames(answers.get(keyOf(one)) ?? [], options);
      return { found: one, text: text === undefined ? undefined : toLatin1(text) };
    });
    return annotateLine(body, annotations, this.given.flag("replace")) + line.slice(body.length);
  }

  private renderJson(line: string, found: readonly FoundAddress[], answers: ReadonlyMap<string, Frame[]>): string {
    const addresses = found.map((one) => {
      const frames = answers.get(keyOf(one)) ?? [];
      const address = one.address ?? one.inFile?.virtualAddress;
      const reason = frames.some(({ symbol }) => symbol !== undefined) ? undefined : frames.at(-1)?.reason;
      return { address, column: one.start + 1, frames, reason };
    });
    const text = fromLatin1(line).replace(/\r?\n$/, "");
    return toLatin1(`${toJson({ version: 1, kind: "line", line: this.lineNumber, text, addresses })}\n`);
  }
}

function keyOf({ address, inFile, isReturnAddress }: FoundAddress): string {
  return `${address} ${inFile?.virtualAddress} ${isReturnAddress} ${inFile?.buildId} ${inFile?.path}`;
}

/** The frames of each; where its place in a file is printed too, that is asked when the absolute address has no answer. */
function resolveFound(source: AddressSource, found: readonly FoundAddress[]): Frame[][] {
  const frames = found.map((): Frame[] => []);
  for (const isReturn of [false, true]) {
    const asked = [...found.keys()].filter(
      (index) => found[index].address !== undefined && found[index].isReturnAddress === isReturn,
    );
    const addresses = asked.map((index) => found[index].address as bigint);
    for (const [i, answer] of source.resolveAll(addresses, isReturn).entries()) frames[asked[i]] = answer;
  }
  return found.map(({ inFile, isReturnAddress }, index) => {
    if (!inFile || frames[index].at(-1)?.symbol !== undefined) return frames[index];
    const { path, buildId, virtualAddress } = inFile;
    const named = source.resolveInFile(fromLatin1(path), buildId, virtualAddress, isReturnAddress);
    return named.length > 0 ? named : frames[index];
  });
}
