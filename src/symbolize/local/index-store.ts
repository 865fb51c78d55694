/**
 * Indexes kept on disk from one run to the next (docs/index-format.md), so that an address that was resolved before, or
 * any address of a file that was indexed as a whole, needs no debug information to be read.
 *
 * One file for each set of binary and debug files, named by a hash of what identifies them (build ID; name, device,
 * inode, size and times of each) and of the code that answers. A changed file is another set, so nothing has to be
 * invalidated. It is filled in two ways. Each answer that had to be looked up goes in when the command ends: that costs
 * microseconds an answer, and stacks of one program have most of their addresses in common. `--index` goes through the
 * whole file once. Indexing each unit that is touched was the third choice: six frames would wait for all the code that
 * was compiled with theirs.
 *
 * Indexes belong to one user, are verified page by page as they are read, bounded, and replaced as a whole: of two
 * processes that write at once, the last one wins. Whatever is wrong with one, it is ignored and written anew. Only
 * `keepWhole` ever fails: without a folder to write to nothing is kept, and `problem` says why.
 */

import { closeSync, openSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { LeaklineError } from "../../base/errors.ts";
import { crc32 } from "../../compress/crc.ts";
import { sha256 } from "../../compress/sha256.ts";
import { prepareOwnFolder } from "../../os/own-folder.ts";
import type { KeptAnswers, KeptBatch, KeptRange } from "../file-provider.ts";
import type { ModuleFrame } from "../frame.ts";
import type { FoundChain } from "../frame-chain.ts";
import { ChainWriter } from "../index-file/chain-writer.ts";
import type { Checksum } from "../index-file/header.ts";
import { IndexReader } from "../index-file/index-reader.ts";
import { IndexWriter } from "../index-file/index-writer.ts";
import { openOwnFile } from "./own-file.ts";
import { TemporaryFile } from "./temporary-file.ts";

/** Indexes kept, and bytes of all of them; those that were not used for longest go. */
const MAX_FILES = 200;
const MAX_BYTES = 2 ** 31;
/** Of an index of answers that were asked for: ranges, and bytes in memory. What comes then is not kept. */
const MAX_ASKED = 500_000;
const MAX_ASKED_BYTES = 64 << 20;
/** Indexes open at once. */
const MAX_OPEN = 64;
/** What a process that was killed while it wrote left behind is removed after so long. */
const ABANDONED_MILLISECONDS = 3600_000;
/** Bytes of an index that are summed up by our own CRC: a stack's from a large one, and all of a small one. */
const SUMMED_BY_US = 1 << 17;
const TEMPORARY = ".new";

export class IndexStore {
  /** Why answers are not kept: the first thing that went wrong. */
  problem: string | undefined;
  /** Indexes that were found damaged or not ours, and what is wrong with each. */
  readonly refused: string[] = [];
  private readonly folder: string | undefined;
  private readonly stamp: string;
  private readonly indexes = new Map<string, KeptIndex>();
  private opened = 0;

  /**
   * @param folder made when it is missing; undefined when there is no place for one.
   * @param stamp tells the code that answers from other versions of it.
   */
  constructor(folder: string | undefined, stamp: string) {
    this.stamp = stamp;
    const prepared = folder === undefined ? { problem: "no home directory" } : prepareOwnFolder(folder);
    if ("path" in prepared) this.folder = prepared.path;
    else this.problem = prepared.problem;
  }

  /** The answers of a set of files. */
  of(identity: string): KeptAnswers | undefined {
    if (this.folder === undefined) return undefined;
    const key = sha256(Buffer.from(`${this.stamp}\n${identity}`));
    const path = join(this.folder, Buffer.from(key).toString("hex"));
    let index = this.indexes.get(path);
    if (!index) {
      if (++this.opened > MAX_OPEN) this.save();
      index = new KeptIndex(path, key, this.refused);
      this.indexes.set(path, index);
    }
    return index;
  }

  /** Writes what is new, and closes all; what is used again is opened again. */
  save(): void {
    let wrote = false;
    this.opened = 0;
    for (const index of this.indexes.values()) {
      try {
        wrote = index.save() || wrote;
      } catch (error) {
        this.problem ??= (error as Error).message;
      }
    }
    if (wrote && this.folder !== undefined) removeOldest(this.folder);
  }
}

class KeptIndex implements KeptAnswers {
  private readonly path: string;
  private readonly key: Uint8Array;
  private readonly refused: string[];
  /** Null when there is none, or none to be believed. */
  private reader: IndexReader | null | undefined;
  private close: (() => void) | undefined;
  private fresh: IndexWriter | undefined;
  /** Writes to it what is found in the batch at hand. */
  private chains: ChainWriter | undefined;
  private readonly kept = new Set<number>();
  private isStale = false;

  constructor(path: string, key: Uint8Array, refused: string[]) {
    this.path = path;
    this.key = key;
    this.refused = refused;
  }

  look(addresses: readonly number[], isReturnAddress: boolean): KeptBatch {
    const back = isReturnAddress ? 1 : 0;
    const nodes = new Uint32Array(addresses.length);
    this.chains = undefined;
    this.attempt((reader) => {
      const order = nodes.map((_, i) => i);
      // In the order of addresses, which is that of the pages.
      if (order.length > 1 && !reader.load(order.length)) order.sort((a, b) => addresses[a] - addresses[b]);
      for (const i of order) nodes[i] = reader.locate(addresses[i] - back);
    });
    return {
      pass: (index, take) =>
        nodes[index] !== 0 && (this.attempt((reader) => take(reader.chain(nodes[index]))) ?? false),
      has: (index) => nodes[index] !== 0 && this.reader !== null,
      frames: (index) =>
        nodes[index] === 0 ? undefined : this.attempt((reader) => reader.frames(nodes[index], addresses[index])),
    };
  }

  keep(address: number, isReturnAddress: boolean, frames: readonly ModuleFrame[]): void {
    const wanted = isReturnAddress ? address - 1 : address;
    if (this.writerFor(wanted)?.add(wanted, wanted + 1, address, frames)) this.kept.add(wanted);
  }

  keepChain(wanted: number, chain: FoundChain): void {
    const writer = this.writerFor(wanted);
    if (!writer) return;
    if (this.chains?.batch !== chain.batch) this.chains = new ChainWriter(writer, chain.batch);
    if (this.chains.add(wanted, wanted + 1, chain)) this.kept.add(wanted);
  }

  /** Undefined for an answer that there is already, or when there are too many. */
  private writerFor(wanted: number): IndexWriter | undefined {
    if (this.reader?.isWhole || this.kept.has(wanted)) return undefined;
    this.fresh ??= this.continued();
    return this.fresh.count >= MAX_ASKED || this.fresh.size >= MAX_ASKED_BYTES ? undefined : this.fresh;
  }

  keepWhole(ranges: Iterable<KeptRange>): void {
    const folder = dirname(this.path);
    const temporary: TemporaryFile[] = [];
    try {
      const writer = new IndexWriter(() => {
        const file = new TemporaryFile(folder);
        temporary.push(file);
        return file;
      });
      let chains: ChainWriter | undefined;
      for (const { begin, end, chain, frames } of ranges) {
        if (!chain) {
          writer.add(begin, end, begin, frames);
          continue;
        }
        if (chains?.batch !== chain.batch) chains = new ChainWriter(writer, chain.batch);
        chains.add(begin, end, chain);
      }
      this.write(writer, true);
      this.forget();
    } finally {
      for (const file of temporary) file.close();
    }
  }

  /** Writes what is new, if anything is. @throws LeaklineError when it cannot be written. */
  save(): boolean {
    try {
      if (this.kept.size > 0 && this.fresh) {
        this.write(this.fresh, false);
        return true;
      }
      if (this.isStale) rmSync(this.path, { force: true });
      else if (this.reader) markUsed(this.path);
      return false;
    } finally {
      this.forget();
    }
  }

  /** Undefined when there is no index, or it turns out to be damaged: then it is not asked again. */
  private attempt<T>(ask: (reader: IndexReader) => T): T | undefined {
    try {
      this.openReader();
      return this.reader ? ask(this.reader) : undefined;
    } catch (error) {
      this.refuse(error);
      return undefined;
    }
  }

  private openReader(): void {
    if (this.reader !== undefined) return;
    this.reader = null;
    const source = openOwnFile(this.path);
    if (!source) return;
    this.close = source.close;
    this.reader = new IndexReader(source, this.key, checksum());
  }

  /** What there is already, to be added to. */
  private continued(): IndexWriter {
    const writer = new IndexWriter();
    if (!this.reader || this.reader.rowCount / 2 >= MAX_ASKED) return writer;
    try {
      this.reader.copyInto(writer);
      return writer;
    } catch (error) {
      this.refuse(error);
      return new IndexWriter();
    }
  }

  private refuse(error: unknown): void {
    if (!(error instanceof LeaklineError)) throw error;
    this.refused.push(error.message);
    this.forget();
    this.reader = null;
    this.isStale = true;
  }

  /** Back to how it began: what is on disk counts. */
  private forget(): void {
    this.close?.();
    this.close = undefined;
    this.reader = undefined;
    this.fresh = undefined;
    this.chains = undefined;
    this.kept.clear();
    this.isStale = false;
  }

  /** Under a name of its own first: two processes may write at once, and a disk may be full. */
  private write(writer: IndexWriter, isWhole: boolean): void {
    const temporary = `${this.path}.${process.pid}${TEMPORARY}`;
    try {
      rmSync(temporary, { force: true });
      const file = openSync(temporary, "wx", 0o600);
      try {
        const fits = writer.encode(this.key, isWhole, checksum(), (bytes, at) => writeFully(file, bytes, at));
        if (!fits) throw new Error("would be too large for an index");
      } finally {
        closeSync(file);
      }
      renameSync(temporary, this.path);
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw new LeaklineError("io", `${this.path}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Node's own is faster, but takes longer to load than the few pages of a stack to sum up. */
function checksum(): Checksum {
  let left = SUMMED_BY_US;
  return (bytes) => {
    left -= bytes.length;
    return left >= 0 ? crc32(bytes) : process.getBuiltinModule("node:zlib").crc32(bytes);
  };
}

function writeFully(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done);
}

function markUsed(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Removed by another process: then it is not there next time.
  }
}

function removeOldest(folder: string): void {
  try {
    const files = readdirSync(folder).map((name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = statSync(path);
      return { path, size, mtimeMs };
    });
    files.sort((a, b) => b.mtimeMs - a.mtimeMs);
    let bytes = 0;
    for (const [i, { path, size, mtimeMs }] of files.entries()) {
      bytes += size;
      const isAbandoned = path.endsWith(TEMPORARY) && mtimeMs < Date.now() - ABANDONED_MILLISECONDS;
      if (i >= MAX_FILES || bytes > MAX_BYTES || isAbandoned) rmSync(path, { force: true });
    }
  } catch {
    // Another process is cleaning too.
  }
}
