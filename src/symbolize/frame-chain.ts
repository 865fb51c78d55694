/**
 * The frames of one address for output that needs no objects: numbers, and texts that are copied as bytes.
 *
 * A batch of 100,000 addresses has hundreds of thousands of frames. Their names and paths repeat: so each is encoded once,
 * in an index on disk (index-file/) or for the batch (batch-chain.ts), and never becomes a string again.
 */

import type { ByteOutput } from "../base/byte-output.ts";
import type { FunctionName } from "./function-name.ts";

/** Innermost first: the last is the function, inlined in it all others. Reused from address to address. */
export type FrameChain = {
  readonly depth: number;
  /** By frame; 0: unknown. */
  readonly lines: readonly number[];
  readonly columns: readonly number[];
  /** Write a text that may be printed as it is; false when there is none. @throws MalformedError when it is damaged. */
  writeSymbol(frame: number, out: ByteOutput): boolean;
  writeFile(frame: number, out: ByteOutput): boolean;
  hasFile(frame: number): boolean;
  /** Of the last one, which is read anew each time. @throws MalformedError when it is damaged. */
  function(): ChainFunction;
};

/** What the line of a function says of it. */
export type ChainFunction = {
  /** Whether it has a name. */
  readonly isNamed: boolean;
  /** What offsets count from. */
  readonly start: number | undefined;
  /** What addresses in the module count from: 0 in a linked file, else a section. */
  readonly base: number | undefined;
  readonly reason: string | undefined;
};

/** A chain that was just found: what is the same within its batch has the same number. */
export type FoundChain = FrameChain & {
  readonly batch: ChainTexts;
  /** By frame but for the last one: number of its name, -1 for none. */
  readonly names: readonly number[];
  /** By frame: number of its file, -1 for none. */
  readonly files: readonly number[];
  /** By frame: the call that it is, which tells where all frames behind it stand, too. */
  readonly calls: readonly number[];
  /** Of the last one, and of its name. */
  readonly functionNumber: number;
  readonly functionNameNumber: number;
};

/** What the numbers of chains stand for. Numbers count from 0. */
export type ChainTexts = {
  readonly counts: { readonly names: number; readonly files: number; readonly calls: number };
  /** Demangled. */
  name(number: number): string;
  file(number: number): string;
  /** As UTF-8, where they were written before and have neither control characters nor halves of characters. */
  nameBytes(number: number): Uint8Array | undefined;
  fileBytes(number: number): Uint8Array | undefined;
  /** Not demangled. */
  functionName(number: number): FunctionName;
  /** Which file, and which table in it, names inlined calls, and gives the innermost place and all others. */
  readonly nameSource: string;
  readonly innermostSource: string;
  readonly outerSource: string;
};
