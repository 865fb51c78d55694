/**
 * The frames of a batch that was just found, one address at a time, as a chain. Names and paths are encoded when they are
 * written first.
 */

import type { ByteOutput } from "../base/byte-output.ts";
import { demangle } from "../demangle/index.ts";
import type { Answers, FrameNumbers } from "../dwarf/index.ts";
import type { ChainFunction, ChainTexts, FoundChain } from "./frame-chain.ts";
import type { FunctionName } from "./function-name.ts";
import { PrintedTexts } from "./printed-texts.ts";

/** What is said of a function without a line. */
export const NO_LINE = "no line is recorded for it";
export const NO_DEBUG_INFORMATION = "no debug information: compiled without -g, or stripped";

const WITHOUT_DWARF: FrameNumbers = {
  ...{ depth: 0, names: [], files: [], calls: [], lines: [], columns: [] },
  reason: NO_DEBUG_INFORMATION,
};
/** The frame of a function that only a symbol names. */
const SYMBOL_ONLY: FrameNumbers = {
  ...{ depth: 1, names: [-1], files: [-1], calls: [-1], lines: [0], columns: [0] },
  reason: undefined,
};

export class BatchChain implements FoundChain {
  readonly batch: ChainTexts;
  functionNumber = 0;
  functionNameNumber = 0;
  private readonly answers: Answers | undefined;
  private readonly printedNames: PrintedTexts;
  private readonly printedPaths: PrintedTexts;
  private frames = SYMBOL_ONLY;
  private start = 0;
  private reason: string | undefined;

  /**
   * @param functions by number.
   * @param otherNames those whose numbers follow on those of `answers`.
   * @param dwarfFile that the answers are from.
   */
  constructor(
    answers: Answers | undefined,
    functions: readonly FunctionName[],
    otherNames: readonly string[],
    dwarfFile: string,
  ) {
    const names = answers?.names.texts ?? [];
    const paths = answers?.paths.texts ?? [];
    const known = names.length;
    this.answers = answers;
    this.batch = {
      counts: { names: known + otherNames.length, files: paths.length, calls: answers?.callCount ?? 0 },
      name: (number) => demangle((number < known ? names[number] : otherNames[number - known]) ?? ""),
      file: (number) => paths[number] ?? "",
      functionName: (number) => functions[number],
      nameBytes: (number) => this.printedNames.bytes(number),
      fileBytes: (number) => this.printedPaths.bytes(number),
      nameSource: `${dwarfFile} .debug_info`,
      // The innermost place comes from the line table, the others from the calls.
      innermostSource: `${dwarfFile} .debug_line`,
      outerSource: `${dwarfFile} .debug_info`,
    };
    this.printedNames = new PrintedTexts(this.batch.counts.names, this.batch.name);
    this.printedPaths = new PrintedTexts(paths.length, this.batch.file);
  }

  /**
   * @param start of the function.
   * @param name number of its name, and `functionNumber` its own.
   * @returns false when the answer at `index` is not in numbers.
   */
  set(index: number, start: number, name: number, functionNumber: number): boolean {
    const found = this.answers ? this.answers.numbersAt(index) : WITHOUT_DWARF;
    if (!found) return false;
    this.frames = found.depth > 0 ? found : SYMBOL_ONLY;
    this.reason = found.reason;
    this.start = start;
    this.functionNameNumber = name;
    this.functionNumber = functionNumber;
    return true;
  }

  get depth(): number {
    return this.frames.depth;
  }

  get names(): readonly number[] {
    return this.frames.names;
  }

  get files(): readonly number[] {
    return this.frames.files;
  }

  get calls(): readonly number[] {
    return this.frames.calls;
  }

  get lines(): readonly number[] {
    return this.frames.lines;
  }

  get columns(): readonly number[] {
    return this.frames.columns;
  }

  writeSymbol(frame: number, out: ByteOutput): boolean {
    const { frames } = this;
    const number = frame === frames.depth - 1 ? this.functionNameNumber : frames.names[frame];
    if (number < 0) return false;
    this.printedNames.write(number, out);
    return true;
  }

  writeFile(frame: number, out: ByteOutput): boolean {
    const number = this.frames.files[frame];
    if (number < 0) return false;
    this.printedPaths.write(number, out);
    return true;
  }

  hasFile(frame: number): boolean {
    return this.frames.files[frame] >= 0;
  }

  function(): ChainFunction {
    const { depth, lines } = this.frames;
    const reason = this.reason ?? (lines[depth - 1] > 0 ? undefined : NO_LINE);
    return { isNamed: true, start: this.start, base: 0, reason };
  }
}
