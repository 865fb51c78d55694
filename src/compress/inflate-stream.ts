/**
 * Inflates a zlib stream (RFC 1950) piece by piece, synchronously: Node's `inflateSync` wants all of the input and gives
 * all of the output, and its streams are asynchronous, while a section is needed in the middle of a lookup.
 *
 * So this calls what both of them are made of, the handle of a stream. It is no documented interface, though packages
 * have relied on it since Node 0.10; where it is not there or looks different, `openInflateStream` gives undefined and
 * the caller decompresses at once.
 */

import type { Inflate } from "node:zlib";
import { LeaklineError } from "../base/errors.ts";

type Handle = {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
};

/** `_writeState`, after each write: bytes of the output, and of the input, that are left. */
type Internals = { readonly _handle?: Handle | null; readonly _writeState?: Uint32Array };

export type InflateStream = {
  /**
   * Takes from `input` and fills `output`, as far as one of them reaches.
   *
   * @param isLast that `input` has the rest of the stream, which has to end then.
   * @returns bytes taken and bytes written; neither when the stream has ended.
   * @throws LeaklineError `malformed`
   */
  write(input: Uint8Array, output: Uint8Array, isLast: boolean): { taken: number; written: number };
  close(): void;
};

/** Undefined when this version of Node has no such handle. */
export function openInflateStream(): InflateStream | undefined {
  // Loaded when something is compressed: that takes a millisecond.
  const { constants, createInflate } = process.getBuiltinModule("node:zlib");
  const stream = createInflate();
  // Also told by `errored`, at once.
  stream.on("error", () => {});
  const { _handle: handle, _writeState: left } = stream as Inflate & Internals;
  if (typeof handle?.writeSync !== "function" || !(left instanceof Uint32Array)) {
    stream.destroy();
    return undefined;
  }
  return {
    write(input, output, isLast) {
      const flush = isLast ? constants.Z_FINISH : constants.Z_NO_FLUSH;
      if (!stream.destroyed) handle.writeSync(flush, input, 0, input.length, output, 0, output.length);
      if (stream.destroyed)
        throw new LeaklineError("malformed", `zlib: ${stream.errored?.message ?? "the stream was closed"}`);
      return { taken: input.length - left[1], written: output.length - left[0] };
    },
    close: () => void stream.destroy(),
  };
}
