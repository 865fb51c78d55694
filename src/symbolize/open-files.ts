/**
 * Files of which a program may need thousands, with only the last few of them open: the `.dwo` files of split debug
 * information. What is given out stays usable: a file that was closed meanwhile is opened again when it is read.
 */

import type { ByteSource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import type { FileProvider } from "./file-provider.ts";

export class OpenFiles {
  private readonly limit: number;
  /** Least recently used first. */
  private readonly open = new Map<object, ByteSource>();

  /** @param limit how many are open at once, at most. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many are open now. */
  get count(): number {
    return this.open.size;
  }

  /** The same files, each open for as long as it is among the last few that were read. */
  limited(files: FileProvider): FileProvider {
    return {
      debugDirectories: files.debugDirectories,
      decompress: files.decompress,
      candidates: (wanted) =>
        files.candidates(wanted).map((open) => () => {
          const source = open();
          return source && this.share(source, open);
        }),
    };
  }

  /** The first of those that are open now that somebody wrote to. */
  changed(): ByteSource | undefined {
    for (const source of this.open.values()) if (source.hasChanged?.()) return source;
    return undefined;
  }

  close(): void {
    for (const source of this.open.values()) source.close?.();
    this.open.clear();
  }

  private share(first: ByteSource, reopen: () => ByteSource | undefined): ByteSource {
    const { name, size, identity } = first;
    const key = {};
    this.keep(key, first);
    return {
      name,
      size,
      read: (offset, length) => {
        const source = this.open.get(key) ?? reopen();
        if (source) this.keep(key, source);
        if (source?.size !== size || source.identity !== identity)
          throw new LeaklineError("mismatch", `${name}: the file was replaced while it was in use`);
        return source.read(offset, length);
      },
      close: () => {
        this.open.get(key)?.close?.();
        this.open.delete(key);
      },
    };
  }

  private keep(key: object, source: ByteSource): void {
    // Re-inserted last: a Map iterates in insertion order.
    this.open.delete(key);
    this.open.set(key, source);
    for (const [oldest, old] of this.open) {
      if (this.open.size <= this.limit) break;
      this.open.delete(oldest);
      old.close?.();
    }
  }
}
