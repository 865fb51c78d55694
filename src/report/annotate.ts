/**
 * A line of a log with its addresses resolved, and nothing else of it changed.
 *
 * An answer is `symbol+0xoffset file:line`. Where functions were inlined, the innermost comes first and the others follow
 * in the same line: `helper list.h:12, inlined in main+0x1f main.c:40`. It stands directly behind the address; in a stack
 * frame, where the line goes on about the same address, at the end of the line.
 */

import { hex } from "../base/address.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { FoundAddress } from "../symbolize/text-addresses.ts";
import { baseName } from "./names.ts";
import { renderLocation, type TextOptions } from "./text.ts";

/** An address in the line, and what is to be said about it; undefined leaves it as it is. */
export type Annotation = { readonly found: FoundAddress; readonly text: string | undefined };

/**
 * @param line may end with a carriage return.
 * @param annotations from left to right.
 * @param replace the answer takes the place of the address.
 */
export function annotateLine(line: string, annotations: readonly Annotation[], replace: boolean): string {
  let result = "";
  let copied = 0;
  let behind = "";
  for (const { found, text } of annotations) {
    if (text === undefined) continue;
    result += line.slice(copied, replace ? found.start : found.end);
    copied = found.end;
    if (replace) result += text;
    else if (found.isWholeLine) behind += ` ${text}`;
    else result += ` ${text}`;
  }
  const rest = line.slice(copied);
  if (behind === "") return result + rest;
  const end = rest.trimEnd();
  return result + end + behind + (rest.endsWith("\r") ? "\r" : "");
}

/**
 * The frames of one address in one line; undefined when nothing is known that the address does not say itself.
 *
 * @param frames innermost first.
 */
export function describeFrames(frames: readonly Frame[], options: TextOptions): string | undefined {
  const last = frames.at(-1);
  if (!last) return undefined;
  if (last.symbol === undefined) {
    const { address, module, moduleAddress } = last;
    return module === undefined || moduleAddress === undefined || BigInt(moduleAddress) === address
      ? undefined
      : `${baseName(module)}+0x${hex(moduleAddress)}`;
  }
  return frames.map((frame) => describeFrame(frame, options)).join(", inlined in ");
}

function describeFrame(frame: Frame, options: TextOptions): string {
  const offset = frame.inlined ? "" : `+0x${hex(frame.offset ?? 0)}`;
  return `${frame.symbol ?? "?"}${offset}${renderLocation(frame, options)}`;
}
