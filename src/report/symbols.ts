/**
 * The frames of single addresses as text, in the layout of blazecli:
 *
 *     0x000056076afcb6f2: alloc_v3 @ 0x6da+0x18 /src/test_memleak.c:8:12
 *                       helper /src/test_memleak.c:3:5 [inlined]
 *
 * The function that stands there comes first; below it what was inlined into it, outermost first.
 */

import { hex } from "../base/address.ts";
import type { ByteOutput } from "../base/byte-output.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { FrameChain } from "../symbolize/frame-chain.ts";
import { renderFrames, renderPlace, type TextOptions } from "./text.ts";

/** The answer for one address: frames innermost first, at least one. */
export type ResolvedAddress = { address: bigint; frames: Frame[]; reason?: string | undefined };

/** All answers as one object for JSON. */
export type Symbols = { version: 1; kind: "symbols"; addresses: ResolvedAddress[] };

/** An inlined function stands below its caller's name. */
const INLINE_INDENT = " ".repeat(18);

/** The frames of one address; ends with a newline. */
export function renderAddress(frames: readonly Frame[]): string {
  let text = "";
  for (let i = frames.length - 1; i >= 0; i--) text += renderFrame(frames[i]);
  return text;
}

/**
 * As `renderAddress`, byte for byte. All of it may be printed as it is.
 *
 * @param address as it was asked for: a safe integer, signed as virtual addresses are.
 * @param moduleAddress where that is in its module, which is a file.
 * @param inlines with false, the function alone, as of `withoutInlines`.
 * @returns false when it is no plain function of a linked file: that is for `renderAddress`. What was written by then does
 *   not count.
 */
export function writeAddress(
  out: ByteOutput,
  address: number,
  moduleAddress: number,
  chain: FrameChain,
  inlines: boolean,
): boolean {
  const last = chain.depth - 1;
  const { isNamed, start, base, reason } = chain.function();
  if (!isNamed || start === undefined || base !== 0 || moduleAddress < start) return false;
  out.text("0x");
  out.hex(address, 14);
  out.text(": ");
  chain.writeSymbol(last, out);
  out.text(" @ 0x");
  out.hex(start);
  out.text("+0x");
  out.hex(moduleAddress - start);
  if (!writeLocation(out, chain, inlines ? last : 0) && reason !== undefined) out.text(` (${reason})`);
  out.text("\n");
  if (!inlines) return true;
  for (let i = last - 1; i >= 0; i--) {
    out.text(INLINE_INDENT);
    if (!chain.writeSymbol(i, out)) out.text("<no-symbol>");
    writeLocation(out, chain, i);
    out.text(" [inlined]\n");
  }
  return true;
}

/** As `location`. @returns whether there is any. */
function writeLocation(out: ByteOutput, chain: FrameChain, i: number): boolean {
  if (!chain.hasFile(i)) return false;
  out.text(" ");
  chain.writeFile(i, out);
  const line = chain.lines[i];
  const column = chain.columns[i];
  if (line > 0) {
    out.text(":");
    out.decimal(line);
    if (column > 0) {
      out.text(":");
      out.decimal(column);
    }
  }
  return true;
}

/** The frames of one address of a stack in the layout of memleak; ends with a newline. @param number counts from 0. */
export function renderAddressInStack(frames: readonly Frame[], options: TextOptions, number: number): string {
  return `${renderFrames(frames, options, number).join("\n")}\n`;
}

function renderFrame(frame: Frame): string {
  if (frame.inlined) return `${INLINE_INDENT}${frame.symbol ?? "<no-symbol>"}${location(frame)} [inlined]\n`;
  const address = `0x${hex(frame.address, 14)}: `;
  if (frame.symbol === undefined) return `${address}<no-symbol>${renderPlace(frame)}${reason(frame)}\n`;
  const offset = frame.offset ?? 0;
  // An address that counts from a section, or of generated code that is in no file: where it is now says more.
  const { moduleAddress, section } = frame;
  const inFile = moduleAddress !== undefined && section === undefined;
  const start = inFile ? moduleAddress - offset : frame.address - BigInt(offset);
  const where = location(frame) || reason(frame);
  return `${address}${frame.symbol} @ 0x${hex(start)}+0x${hex(offset)}${special(frame)}${where}\n`;
}

function location({ file, line, column }: Frame): string {
  if (file === undefined) return "";
  if (line === undefined) return ` ${file}`;
  return column === undefined ? ` ${file}:${line}` : ` ${file}:${line}:${column}`;
}

/** A module that is no file, as the kernel's own messages name it: `[kernel]`, `[nf_tables]`, `[vdso]`. */
function special({ module }: Frame): string {
  return module?.startsWith("[") ? ` ${module}` : "";
}

function reason(frame: Frame): string {
  return frame.reason === undefined ? "" : ` (${frame.reason})`;
}
