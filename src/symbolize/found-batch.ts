/**
 * What the files of a module say of a batch of addresses, each of them by its index: the answers of the debug
 * information, and the name of the function.
 */

import { virtualAddress } from "../base/address.ts";
import { type Answer, type Answers, NO_FUNCTION, OTHER_FUNCTION } from "../dwarf/index.ts";
import type { FoundSymbol } from "../elf/index.ts";
import { BatchChain } from "./batch-chain.ts";
import type { FoundChain } from "./frame-chain.ts";
import { chooseName, type FunctionName } from "./function-name.ts";
import type { ModuleFiles } from "./module-files.ts";

/** Of an address, three numbers: where its function starts, and the numbers of the function's name and of itself. */
const STRIDE = 3;
const NONE = -1;

export class FoundBatch {
  private readonly answers: Answers | undefined;
  private readonly dwarfFile: string;
  private readonly numbers: Float64Array;
  private readonly functions: FunctionName[] = [];
  /** Names that `answers` does not have: their numbers follow on. */
  private readonly otherNames: string[] = [];
  private chains: BatchChain | undefined;

  /**
   * @param addresses as they are to be looked up, ascending.
   * @param inlines whether to look for inlined calls.
   */
  constructor(files: ModuleFiles, addresses: Float64Array, inlines: boolean) {
    const { dwarf, dwarfFile } = files.sources;
    this.answers = dwarf?.answerAll(addresses, inlines);
    this.dwarfFile = dwarfFile;
    this.numbers = new Float64Array(STRIDE * addresses.length);
    this.findNames(files, addresses);
  }

  answer(index: number): Answer {
    return this.answers?.at(index) ?? NOTHING_FOUND;
  }

  name(index: number): FunctionName | undefined {
    const number = this.numbers[STRIDE * index + 2];
    return number < 0 ? undefined : this.functions[number];
  }

  /** Why there are no frames in `answer(index)`. */
  reason(index: number): string | undefined {
    return this.answers?.reasonAt(index);
  }

  /**
   * The frames of an address of a linked file; undefined where there is more to say of it than a chain can. Valid until the
   * next.
   */
  chain(index: number): FoundChain | undefined {
    const at = STRIDE * index;
    const name = this.numbers[at + 1];
    if (name < 0) return undefined;
    this.chains ??= new BatchChain(this.answers, this.functions, this.otherNames, this.dwarfFile);
    return this.chains.set(index, this.numbers[at], name, this.numbers[at + 2]) ? this.chains : undefined;
  }

  /**
   * In the order of addresses, names that lie side by side in the file are read together, and most addresses have the
   * function of the one before.
   */
  private findNames(files: ModuleFiles, addresses: Float64Array): void {
    const { answers, functions, otherNames, numbers } = this;
    const known = answers?.names.texts.length ?? 0;
    files.expect(addresses);
    let row = NO_FUNCTION;
    let symbol: FoundSymbol | undefined;
    let name: FunctionName | undefined;
    let nameNumber = NONE;
    let functionNumber = NONE;
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
        name = chooseName(code, this.dwarfFile, symbol);
        end = code ? (code.range?.end ?? Number.NEGATIVE_INFINITY) : Number.POSITIVE_INFINITY;
        functionNumber = name ? functions.push(name) - 1 : NONE;
        if (!name) nameNumber = NONE;
        else if (answers && row >= 0 && name.name === code?.name) nameNumber = answers.nameNumber(row);
        else nameNumber = known + otherNames.push(name.name) - 1;
      }
      numbers[STRIDE * i] = name ? name.start : 0;
      numbers[STRIDE * i + 1] = nameNumber;
      numbers[STRIDE * i + 2] = functionNumber;
    }
  }
}

export const NOTHING_FOUND: Answer = { frames: [], reason: undefined };
