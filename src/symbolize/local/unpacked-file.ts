/**
 * Large compressed sections without all of them in memory: what is read is decompressed up to there, into a temporary
 * file that has no name any more, and read from it as an uncompressed section is from its own file.
 *
 * The debug information of one program comes to hundreds of megabytes, compressed to half: in memory, a single address
 * in it takes ten times as much as when it is not compressed. To decompress it into a file and to read that takes no
 * longer than into memory, and of what lies behind the unit that is asked for, nothing is decompressed.
 *
 * Where there is no such file (a full disk, nothing that can be written to), memory takes its place, with what was
 * decompressed by then. The checksum at the end of a stream is verified once the end is reached: before, damage shows
 * only as far as it does in a section that is not compressed.
 */

import type { ByteSource, CompressionMethod, Decompress } from "../../base/bytes.ts";
import { LeaklineError } from "../../base/errors.ts";
import { decompress } from "../../compress/decompress.ts";
import { type InflateStream, openInflateStream } from "../../compress/inflate-stream.ts";
import { pagedReader } from "../../os/paged-reader.ts";
import { TemporaryFile } from "./temporary-file.ts";

/** Smaller sections are decompressed into memory at once: 1 MiB. */
const SMALL = 1 << 20;
/** Larger ones are left to `decompress`, which refuses them: 4 GiB. */
const LARGEST = 2 ** 32;
const INPUT_SIZE = 1 << 16;
const OUTPUT_SIZE = 1 << 18;

/** As `decompress`, with `piecewise`. */
export const decompressToDisk: Decompress = Object.assign(
  (method: CompressionMethod, input: Uint8Array, size: number) => decompress(method, input, size),
  { piecewise: (method: CompressionMethod, input: ByteSource, size: number) => unpackedFile(method, input, size) },
);

/**
 * @param folder for the temporary file. `/var/tmp` is on a disk where `/tmp` is memory.
 * @returns undefined for what is better decompressed at once.
 */
export function unpackedFile(
  method: CompressionMethod,
  input: ByteSource,
  size: number,
  folder = process.env.TMPDIR || "/var/tmp",
): ByteSource | undefined {
  // What is in memory has no `readInto`.
  if (method !== "zlib" || size < SMALL || size > LARGEST || !input.readInto) return undefined;
  const stream = openInflateStream();
  return stream && new UnpackedFile(input, size, stream, new Room(size, folder));
}

// Shared by all: they hold nothing between two calls.
let inputBuffer: Uint8Array | undefined;
let outputBuffer: Uint8Array | undefined;

class UnpackedFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly read: (offset: number, length: number) => Uint8Array;
  readonly readInto: (offset: number, target: Uint8Array) => void;
  private readonly input: ByteSource;
  private readonly stream: InflateStream;
  private readonly room: Room;
  private readonly forget: () => void;
  /** Of the input that was decompressed, and of the output that there is. */
  private taken = 0;
  private written = 0;
  private failure: LeaklineError | undefined;

  constructor(input: ByteSource, size: number, stream: InflateStream, room: Room) {
    this.name = input.name;
    this.size = size;
    this.input = input;
    this.stream = stream;
    this.room = room;
    const reader = pagedReader(this.name, size, (target, offset) => this.fill(target, offset));
    this.read = reader.read;
    this.readInto = reader.readInto;
    this.forget = reader.forget;
  }

  get memory(): number {
    return this.room.memory;
  }

  close(): void {
    this.failure ??= new LeaklineError("io", `${this.name}: read after close`);
    this.stream.close();
    this.room.close();
    this.forget();
  }

  private fill(target: Uint8Array, offset: number): void {
    if (this.failure) throw this.failure;
    if (this.written < offset + target.length) {
      try {
        this.unpackTo(offset + target.length);
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        this.failure = new LeaklineError(error.code, `${this.name}: ${error.message}`, { cause: error });
        throw this.failure;
      }
    }
    this.room.read(target, offset);
  }

  private unpackTo(end: number): void {
    outputBuffer ??= new Uint8Array(OUTPUT_SIZE);
    while (this.written < end) {
      const output = outputBuffer.subarray(0, Math.min(OUTPUT_SIZE, this.size - this.written));
      const count = this.step(output);
      this.room.write(output.subarray(0, count), this.written);
      this.written += count;
    }
    if (this.written === this.size) this.checkEnd();
  }

  /** The stream ends here, which verifies its checksum too. */
  private checkEnd(): void {
    if (this.step(new Uint8Array(1)) > 0)
      throw new LeaklineError("malformed", `zlib: more than the ${this.size} bytes that are stated`);
    this.stream.close();
  }

  /** @returns bytes of output; 0 only when the stream has ended as it should. */
  private step(output: Uint8Array): number {
    inputBuffer ??= new Uint8Array(INPUT_SIZE);
    for (;;) {
      const left = this.input.size - this.taken;
      const piece = inputBuffer.subarray(0, Math.min(INPUT_SIZE, left));
      this.input.readInto?.(this.taken, piece);
      const { taken, written } = this.stream.write(piece, output, piece.length === left);
      this.taken += taken;
      if (written > 0) return written;
      if (taken > 0) continue;
      if (this.written === this.size) return 0;
      throw new LeaklineError("malformed", `zlib: ${this.size} bytes expected, ${this.written} found`);
    }
  }
}

/** Where decompressed bytes are: in a temporary file, or in memory. Written from front to back. */
class Room {
  private readonly size: number;
  private file: TemporaryFile | undefined;
  private bytes: Uint8Array | undefined;

  constructor(size: number, folder: string) {
    this.size = size;
    this.file = orUndefined(() => new TemporaryFile(folder, size));
  }

  get memory(): number {
    return this.bytes?.length ?? 0;
  }

  write(bytes: Uint8Array, at: number): void {
    const { file } = this;
    if (file && succeeds(() => file.append(bytes))) return;
    this.bytes ??= this.moveToMemory(at);
    this.bytes.set(bytes, at);
  }

  read(target: Uint8Array, offset: number): void {
    if (this.bytes) target.set(this.bytes.subarray(offset, offset + target.length));
    else this.file?.read(offset, target);
  }

  close(): void {
    this.file?.close();
    this.file = undefined;
    this.bytes = undefined;
  }

  /** There is no file, or the disk is full. */
  private moveToMemory(written: number): Uint8Array {
    const bytes = allocate(this.size);
    this.file?.read(0, bytes.subarray(0, written));
    this.close();
    return bytes;
  }
}

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new LeaklineError("limit", `no memory for ${size} bytes`, { cause });
  }
}

function succeeds(act: () => void): boolean {
  return (
    orUndefined(() => {
      act();
      return true;
    }) === true
  );
}

function orUndefined<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return undefined;
  }
}
