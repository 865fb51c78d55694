/** What all `leakline symbolize` commands share: addresses in, function, file and line out. */

import { toSignedNumber } from "../base/address.ts";
import { ByteOutput } from "../base/byte-output.ts";
import { printable } from "../base/printable.ts";
import { toJson } from "../report/json.ts";
import {
  type ResolvedAddress,
  renderAddress,
  renderAddressInStack,
  type Symbols,
  writeAddress,
} from "../report/symbols.ts";
import { type Frame, withoutInlines } from "../symbolize/frame.ts";
import type { AddressSource, SourceOptions, TakeChain } from "./address-source.ts";
import { parseAddresses } from "./addresses.ts";
import { ANSWERS_OPTION, answersFrom } from "./answers.ts";
import { type Arguments, type OptionTable, usageError } from "./command.ts";
import { DEBUGINFOD_OPTION, debuginfodFrom, resolveAndFetch } from "./debuginfod.ts";
import { EXIT } from "./exit-codes.ts";
import { note, printBytes } from "./output.ts";
import { isTerminal, readStdin } from "./stdin.ts";

/** Options of every `symbolize` command. */
export const SYMBOLIZE_OPTIONS: OptionTable = {
  "return-addresses": { help: "addresses come from a stack: look up the call before each" },
  "no-inlines": { help: "no inlined calls: of each address, the function that has the code, at the innermost place" },
  layout: { value: "NAME", help: "blazecli, or memleak: a numbered stack", default: "blazecli" },
  json: { help: "one JSON object" },
  "full-paths": { help: "with --layout memleak: whole paths of source files" },
  "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
  ...DEBUGINFOD_OPTION,
  ...ANSWERS_OPTION,
};

/** Resolves the addresses given, as arguments or on stdin, and prints their frames. @returns the exit code. */
export async function answer(given: Arguments, open: (options: SourceOptions) => AddressSource): Promise<number> {
  const renderer = rendererFrom(given);
  const debuginfod = debuginfodFrom(given);
  const inlines = !given.flag("no-inlines");
  const source = open({ debugDirectories: given.texts("debug-dir"), debuginfod, answers: answersFrom(given), inlines });
  const addresses = parseAddresses(given.operands.length > 0 ? given.operands : await wordsFromStdin());
  const isReturn = given.flag("return-addresses");
  const out = new ByteOutput(printBytes);
  out.text(printable(renderer.head));
  const take = (frames: Frame[], index: number): void => {
    out.text(printable(renderer.address(addresses[index], inlines ? frames : withoutInlines(frames), index)));
    out.commit();
  };
  const { write } = renderer;
  const takeChain: TakeChain | undefined =
    write &&
    ((chain, moduleAddress, index) => {
      const address = toSignedNumber(addresses[index]);
      let isWritten = false;
      try {
        isWritten = Number.isSafeInteger(address) && write(out, address, moduleAddress, chain, inlines);
      } finally {
        if (isWritten) out.commit();
        else out.undo();
      }
      return isWritten;
    });
  // What may still be fetched has to be there before anything is said.
  if (!debuginfod) source.resolveEach(addresses, isReturn, take, takeChain);
  else {
    const frames = await resolveAndFetch(
      debuginfod,
      () => source.resolveAll(addresses, isReturn),
      () => source.reopen(),
    );
    frames.forEach(take);
  }
  out.text(printable(renderer.tail));
  out.flush();
  for (const problem of source.problems()) note(problem);
  return EXIT.done;
}

function describe(address: bigint, frames: Frame[]): ResolvedAddress {
  const last = frames.at(-1);
  return last?.symbol === undefined && last?.reason ? { address, frames, reason: last.reason } : { address, frames };
}

/** Output in three parts, so that it need not be in memory as a whole. */
type Renderer = {
  head: string;
  address(address: bigint, frames: Frame[], index: number): string;
  /** As `address`, without objects; where that is not the same, it returns false. */
  write?: typeof writeAddress;
  tail: string;
};

/** @throws LeaklineError `usage` for a layout that there is not. */
function rendererFrom(given: Arguments): Renderer {
  const layout = given.text("layout");
  if (layout !== "blazecli" && layout !== "memleak")
    throw usageError(`--layout ${layout}: no such layout`, "blazecli or memleak");
  if (given.flag("json")) return jsonRenderer();
  if (layout === "blazecli")
    return { head: "", address: (_, frames) => renderAddress(frames), write: writeAddress, tail: "" };
  const options = { fullPaths: given.flag("full-paths") };
  return { head: "", address: (_, frames, index) => renderAddressInStack(frames, options, index), tail: "" };
}

/** One object, a `Symbols`, whose list of addresses is written as they come. */
function jsonRenderer(): Renderer {
  const empty: Symbols = { version: 1, kind: "symbols", addresses: [] };
  const [head, tail] = toJson(empty).split("[]");
  return {
    head: `${head}[`,
    address: (address, frames, index) => (index > 0 ? "," : "") + toJson(describe(address, frames)),
    tail: `]${tail}\n`,
  };
}

/** @throws LeaklineError `usage` when there are none. */
async function wordsFromStdin(): Promise<string[]> {
  const words = isTerminal() ? [] : (await readStdin()).split(/\s+/).filter((word) => word !== "");
  if (words.length === 0) throw usageError("no ADDRESS given", "give them as arguments or on stdin");
  return words;
}
