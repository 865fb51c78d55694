/**
 * leakline itself, in this process, through the same door as its commands.
 */

import { virtualAddress } from "../../src/base/address.ts";
import type { Frame } from "../../src/symbolize/frame.ts";
import type { Module } from "../../src/symbolize/module.ts";
import type { Answer, Answers } from "./answer.ts";

export function resolveOurs(module: Module, addresses: readonly number[]): Answers {
  return addresses.map((address) => plainAnswer(module.find(virtualAddress(address), false)));
}

function plainAnswer(frames: readonly Pick<Frame, "symbol" | "file" | "line">[]): Answer {
  return frames.map(({ symbol, file, line }) => ({ name: symbol ?? "", file: file ?? "", line: line ?? 0 }));
}
