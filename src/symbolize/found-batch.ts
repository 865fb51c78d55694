/**
 * What the files of a module say of a batch of addresses, each of them by its index: the answers of the debug
 * information, and the name of the function.
 */

import { virtualAddress } from "../base/address.ts";
import type { ByteOutput } from "../base/byte-output.ts";
import { demangle } from "../demangle/index.ts";
import { type Answer, type Answers, type FrameNumbers, NO_FUNCTION, OTHER_FUNCTION } from "../dwarf/index.ts";
import type { FoundSymbol } from "../elf/index.ts";
import type { ChainFunction, FrameChain } from "./frame-chain.ts";
import { chooseName, type FunctionName } from "./function-name.ts";
import type { ModuleFiles } from "./module-files.ts";
import { PrintedTexts } from "./printed-texts.ts";

export class FoundBatch {
  private readonly answers: Answers | undefined;
  private readonly names: (FunctionName | undefined)[] = [];
  /** Of each, where the function starts and the number of its name among the texts of `chains`, -1 where there is none. */
  private readonly starts: Float64Array;
  /** Names that `answers` does not have: their numbers follow on. */
  private readonly otherNames: string[] = [];
  private chains: FoundChain | undefined;

  /**
   * @param addresses as they are to be looked up, ascending.
   * @param inlines whether to look for inlined calls.
   */
  constructor(files: ModuleFiles, addresses: Float64Array, inlines: boolean) {
    this.answers = files.sources.dwarf?.answerAll(addresses, inlines);
    this.starts = new Float64Array(2 * addresses.length);
    this.findNames(files, addresses);
  }

  answer(index: number): Answer {
    return this.answers?.at(index) ?? NOTHING_FOUND;
  }

  name(index: number): FunctionName | undefined {
    return this.names[index];
  }

  /**
   * The frames of an address of a linked file; undefined where there is more to say of it than a chain can. Valid until the
   * next.
   */
  chain(index: number): FrameChain | undefined {
    const number = this.starts[2 * index + 1];
    if (number < 0) return undefined;
    const numbers = this.answers ? this.answers.numbersAt(index) : WITHOUT_DWARF;
    if (!numbers) return undefined;
    this.chains ??= new FoundChain(this.answers, this.otherNames);
    this.chains.set(numbers, this.starts[2 * index], number);
    return this.chains;
  }

  /**
   * In the order of addresses, names that lie side by side in the file are read together, and most addresses have the
   * function of the one before.
   */
  private findNames(files: ModuleFiles, addresses: Float64Array): void {
    const { answers, names, starts, otherNames } = this;
    const known = answers?.names.texts.length ?? 0;
    const { dwarfFile } = files.sources;
    files.expect(addresses);
    let row = NO_FUNCTION;
    let symbol: FoundSymbol | undefined;
    let name: FunctionName | undefined;
    let number = NO_NAME;
    // From here on, the name may be another one though function and symbol are the same.
    let end = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < addresses.length; i++) {
      const at = virtualAddress(addresses[i]);
      const lastRow = row;
      const lastSymbol = symbol;
      row = answers ? answers.functionRowAt(i) : NO_FUNCTION;
      symbol = files.findSymbol(at);
      if (row !== lastRow || symbol !== lastSymbol || at >= end || row === OTHER_FUNCTION) {
        const code = answers?.functionAt(i, at, row);
        name = chooseName(code, dwarfFile, symbol);
        end = code ? (code.range?.end ?? Number.NEGATIVE_INFINITY) : Number.POSITIVE_INFINITY;
        if (!name) number = NO_NAME;
        else if (answers && row >= 0 && name.name === code?.name) number = answers.nameNumber(row);
        else number = known + otherNames.push(name.name) - 1;
      }
      names.push(name);
      starts[2 * i] = name ? name.start : 0;
      starts[2 * i + 1] = number;
    }
  }
}

export const NOTHING_FOUND: Answer = { frames: [], reason: undefined };
const NO_NAME = -1;

/** What is said of a function without a line. */
export const NO_LINE = "no line is recorded for it";
export const NO_DEBUG_INFORMATION = "no debug information: compiled without -g, or stripped";

const WITHOUT_DWARF: FrameNumbers = {
  ...{ depth: 0, names: [], files: [], lines: [], columns: [] },
  reason: NO_DEBUG_INFORMATION,
};
/** The frame of a function that only a symbol names. */
const SYMBOL_ONLY: FrameNumbers = { depth: 1, names: [-1], files: [-1], lines: [0], columns: [0], reason: undefined };

class FoundChain implements FrameChain {
  depth = 0;
  lines: readonly number[] = [];
  columns: readonly number[] = [];
  private readonly names: PrintedTexts;
  private readonly paths: PrintedTexts;
  private frames = SYMBOL_ONLY;
  private start = 0;
  private name = 0;
  private reason: string | undefined;

  constructor(answers: Answers | undefined, otherNames: readonly string[]) {
    const names = answers?.names.texts ?? [];
    const paths = answers?.paths.texts ?? [];
    const known = names.length;
    const nameOf = (number: number): string =>
      demangle((number < known ? names[number] : otherNames[number - known]) ?? "");
    this.names = new PrintedTexts(known + otherNames.length, nameOf);
    this.paths = new PrintedTexts(paths.length, (number) => paths[number] ?? "");
  }

  /** @param start of the function, and `name`, the number of its name. */
  set(found: FrameNumbers, start: number, name: number): void {
    const frames = found.depth > 0 ? found : SYMBOL_ONLY;
    this.depth = frames.depth;
    this.lines = frames.lines;
    this.columns = frames.columns;
    this.frames = frames;
    this.start = start;
    this.name = name;
    this.reason = found.reason;
  }

  writeSymbol(frame: number, out: ByteOutput): boolean {
    const number = frame === this.depth - 1 ? this.name : this.frames.names[frame];
    if (number < 0) return false;
    this.names.write(number, out);
    return true;
  }

  writeFile(frame: number, out: ByteOutput): boolean {
    const number = this.frames.files[frame];
    if (number < 0) return false;
    this.paths.write(number, out);
    return true;
  }

  hasFile(frame: number): boolean {
    return this.frames.files[frame] >= 0;
  }

  function(): ChainFunction {
    const reason = this.reason ?? (this.lines[this.depth - 1] > 0 ? undefined : NO_LINE);
    return { isNamed: true, start: this.start, base: 0, reason };
  }
}
