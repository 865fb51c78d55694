/**
 * Adds the chains of one batch to an index that is being written.
 *
 * As frames, their texts would be put together, searched and hashed for each address. Here each text, function and call
 * of the batch is looked up once, by its number.
 */

import { demangle } from "../../demangle/index.ts";
import type { ChainTexts, FoundChain } from "../frame-chain.ts";
import { aliasesOf } from "../function-name.ts";
import type { IndexWriter } from "./index-writer.ts";
import { isPlainText, MAX_STRING } from "./records.ts";

/** Instead of an offset: not looked up yet, which is the offset of no string and node; and what an index cannot hold. */
const NOT_YET = 0;
const UNFIT = -1;
/** Reasons of one function, more than there are. */
const REASONS = 1 << 20;

export class ChainWriter {
  readonly batch: ChainTexts;
  private readonly writer: IndexWriter;
  /** Offsets of paths by number. */
  private readonly files: Int32Array;
  /** By number of the name, one more than the offset of the function of inlined calls; the last one has no name. */
  private readonly inlined: Int32Array;
  /** Offsets by number of the function and of the reason. */
  private readonly functions = new Map<number, number>();
  private readonly reasons: (string | undefined)[] = [];
  /** By call: the node of the frames around it, and the function that they end in, by the number above. */
  private readonly around: Int32Array;
  private readonly aroundIn: Float64Array;
  private readonly nameSource: number;
  private readonly innermostSource: number;
  private readonly outerSource: number;

  constructor(writer: IndexWriter, batch: ChainTexts) {
    const { names, files, calls } = batch.counts;
    this.writer = writer;
    this.batch = batch;
    this.inlined = new Int32Array(names + 1);
    this.files = new Int32Array(files);
    this.around = new Int32Array(calls);
    this.aroundIn = new Float64Array(calls).fill(-1);
    this.nameSource = this.text(batch.nameSource);
    this.innermostSource = this.text(batch.innermostSource);
    this.outerSource = this.text(batch.outerSource);
  }

  /**
   * Adds the answer of a range.
   *
   * @param begin first address, and `end`, the first behind it, as they are looked up: of a return address, one less.
   * @returns false when the index cannot hold it.
   */
  add(begin: number, end: number, chain: FoundChain): boolean {
    const last = chain.depth - 1;
    const { start, reason } = chain.function();
    if (start === undefined || !Number.isSafeInteger(end - start)) return false;
    const key = this.keyOf(chain.functionNumber, reason);
    let node = 0;
    if (last > 0) {
      // The same call in the same function has the same frames around it.
      const call = chain.calls[0];
      if (this.aroundIn[call] !== key) {
        this.around[call] = this.nodeAround(chain, this.functionOf(chain, key, start, reason));
        this.aroundIn[call] = key;
      }
      node = this.around[call];
      if (node === UNFIT) return false;
    }
    const innermost = last > 0 ? this.inlinedOf(chain.names[0]) : this.functionOf(chain, key, start, reason);
    node = this.node(chain, 0, innermost, node);
    if (node === UNFIT) return false;
    this.writer.addRange(begin, end, node);
    return true;
  }

  /** The node of all frames but the innermost. */
  private nodeAround(chain: FoundChain, outermost: number): number {
    const last = chain.depth - 1;
    let node = this.node(chain, last, outermost, 0);
    for (let i = last - 1; i > 0 && node !== UNFIT; i--)
      node = this.node(chain, i, this.inlinedOf(chain.names[i]), node);
    return node;
  }

  private keyOf(functionNumber: number, reason: string | undefined): number {
    let number = this.reasons.indexOf(reason);
    if (number < 0) number = this.reasons.push(reason) - 1;
    return functionNumber * REASONS + number;
  }

  private functionOf(chain: FoundChain, key: number, start: number, reason: string | undefined): number {
    let offset = this.functions.get(key);
    if (offset !== undefined) return offset;
    const name = this.batch.functionName(chain.functionNumber);
    const aliases = aliasesOf(name, demangle).map((alias) => this.text(alias));
    const symbol = this.name(chain.functionNameNumber);
    const [source, why] = [name.source, reason].map((text) => this.text(text));
    const isUnfit = [symbol, source, why, ...aliases].includes(UNFIT) || !Number.isSafeInteger(name.size);
    offset = isUnfit
      ? UNFIT
      : this.writer.addFunction({
          ...{ symbol, symbolSource: source, reason: why, section: 0, start, base: 0 },
          size: name.size > 0 ? name.size : undefined,
          aliases: aliases.length > 0 ? aliases : undefined,
        });
    this.functions.set(key, offset);
    return offset;
  }

  private inlinedOf(name: number): number {
    const at = name < 0 ? this.inlined.length - 1 : name;
    if (this.inlined[at] === NOT_YET) {
      const symbol = name < 0 ? 0 : this.name(name);
      const symbolSource = name < 0 ? 0 : this.nameSource;
      const isUnfit = symbol === UNFIT || symbolSource === UNFIT;
      this.inlined[at] = isUnfit ? UNFIT : this.writer.function({ ...INLINED, symbol, symbolSource }) + 1;
    }
    return this.inlined[at] === UNFIT ? UNFIT : this.inlined[at] - 1;
  }

  private node(chain: FoundChain, i: number, function_: number, parent: number): number {
    const file = this.fileOf(chain.files[i]);
    if (function_ === UNFIT || file === UNFIT) return UNFIT;
    const line = chain.lines[i];
    const source = i === 0 ? this.innermostSource : this.outerSource;
    const hasPlace = file !== 0 || line > 0;
    if (hasPlace && source === UNFIT) return UNFIT;
    return this.writer.node(parent, function_, file, line, chain.columns[i], hasPlace ? source : 0);
  }

  private fileOf(number: number): number {
    if (number < 0) return 0;
    if (this.files[number] === NOT_YET)
      this.files[number] = this.printed(this.batch.fileBytes(number)) ?? this.text(this.batch.file(number));
    return this.files[number];
  }

  private name(number: number): number {
    return this.printed(this.batch.nameBytes(number)) ?? this.text(this.batch.name(number));
  }

  private printed(bytes: Uint8Array | undefined): number | undefined {
    return bytes && bytes.length <= MAX_STRING ? this.writer.utf8(bytes) : undefined;
  }

  private text(text: string | undefined): number {
    return isPlainText(text) ? this.writer.string(text) : UNFIT;
  }
}

/** Where it is, the frame around it says. */
const INLINED = {
  ...{ reason: 0, section: 0 },
  ...{ start: undefined, base: undefined, size: undefined, aliases: undefined },
};
