/**
 * An ELF file: headers read at once, everything else when asked for, and then remembered.
 *
 * What is damaged spoils only itself: a file with a bad section table still has its segments. The reasons are kept in
 * `problems`, so that an address that does not resolve can be explained.
 */

import type { ByteSource, Decompress } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfHeader, readHeader } from "./header.ts";
import {
  type DebugAltLink,
  type DebugLink,
  readBuildId,
  readDebugAltLink,
  readDebugLink,
  readSupplementaryId,
} from "./notes.ts";
import { readSectionData } from "./section-data.ts";
import { nameSections, readSections, type Section } from "./sections.ts";
import { readSegments, type Segment } from "./segments.ts";

export type ElfOptions = {
  /** For compressed sections; without it, asking for one is an error. */
  decompress?: Decompress | undefined;
};

/**
 * Reads the ELF header, the program headers and the section headers.
 *
 * @throws MalformedError when `source` is not an ELF file. Damage further on is put into `problems`.
 */
export function openElf(source: ByteSource, options: ElfOptions = {}): ElfFile {
  return new ElfFile(source, readHeader(source), options.decompress);
}

export class ElfFile {
  /** The source's name, for messages. */
  readonly name: string;
  readonly source: ByteSource;
  readonly is64: boolean;
  readonly littleEndian: boolean;
  /** `ET_*` */
  readonly type: number;
  /** `EM_*` */
  readonly machine: number;
  /** `e_flags` */
  readonly flags: number;
  /** Virtual address of the entry point. */
  readonly entry: number;
  /** Program headers in file order; empty when there are none or their table is damaged. */
  readonly segments: readonly Segment[];
  /** Section headers by index, the empty one at 0 included; empty when there are none or their table is damaged. */
  readonly sections: readonly Section[];
  /** Damage found so far. */
  readonly problems: LeaklineError[] = [];
  readonly decompress: Decompress | undefined;

  private readonly header: ElfHeader;
  private readonly sectionsByName = new Map<string, Section>();
  private readonly data = new Map<Section, ByteSource | undefined | LeaklineError>();
  private readonly links = new Map<string, unknown>();

  constructor(source: ByteSource, header: ElfHeader, decompress: Decompress | undefined) {
    this.name = source.name;
    this.source = source;
    this.header = header;
    this.decompress = decompress;
    this.is64 = header.is64;
    this.littleEndian = header.littleEndian;
    this.type = header.type;
    this.machine = header.machine;
    this.flags = header.flags;
    this.entry = header.entry;
    this.segments = this.attempt(() => readSegments(source, header)) ?? [];
    const table = this.attempt(() => readSections(source, header));
    this.sections = table?.sections ?? [];
    if (table) this.attempt(() => nameSections(source, table.sections, table.nameOffsets, header.sectionNamesIndex));
    for (const section of this.sections)
      if (section.name && !this.sectionsByName.has(section.name)) this.sectionsByName.set(section.name, section);
  }

  /** The first section of that name; `.debug_*` also finds the old compressed `.zdebug_*`. */
  section(name: string): Section | undefined {
    const section = this.sectionsByName.get(name);
    if (section || !name.startsWith(".debug_")) return section;
    return this.sectionsByName.get(`.z${name.slice(1)}`);
  }

  /**
   * A section's bytes, decompressed; decompressing happens once.
   *
   * @returns undefined when there is no such section or it has no bytes in the file.
   * @throws MalformedError when it lies outside the file or about its size; LeaklineError `unsupported` when it is
   * compressed in a way that cannot be undone here.
   */
  sectionData(which: string | Section): ByteSource | undefined {
    const section = typeof which === "string" ? this.section(which) : which;
    if (!section) return undefined;
    if (!this.data.has(section)) {
      try {
        this.data.set(section, readSectionData(this.source, this.header, section, this.decompress));
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        this.data.set(section, error);
      }
    }
    const result = this.data.get(section);
    if (result instanceof LeaklineError) throw result;
    return result;
  }

  /** Bytes of sections that were decompressed, and of a file that is in memory: they stay there. */
  get memory(): number {
    let bytes = 0;
    for (const data of this.data.values())
      if (data && !(data instanceof LeaklineError)) bytes += data.memory ?? (data.readInto ? 0 : data.size);
    return bytes;
  }

  /** Files that it holds open: itself, and those that sections were decompressed into. */
  get openFiles(): number {
    let count = 1;
    for (const data of this.data.values()) if (data && !(data instanceof LeaklineError) && data.close) count++;
    return count;
  }

  /** Closes the file, and what its sections were decompressed into. Nothing more can be read. */
  close(): void {
    for (const data of this.data.values()) if (data && !(data instanceof LeaklineError)) data.close?.();
    this.source.close?.();
  }

  /** The build ID in lower-case hexadecimal, undefined when there is none that can be read. */
  get buildId(): string | undefined {
    return this.remember("build-id", () => readBuildId(this));
  }

  /** The separate debug file that `.gnu_debuglink` names, undefined when there is none that can be read. */
  get debugLink(): DebugLink | undefined {
    return this.remember("debug-link", () => readDebugLink(this));
  }

  /** The shared debug file that `.gnu_debugaltlink` or `.debug_sup` names, undefined when there is none that can be read. */
  get debugAltLink(): DebugAltLink | undefined {
    return this.remember("debug-alt-link", () => readDebugAltLink(this));
  }

  /** What such a link must state to mean this file, undefined when it states nothing that can be read. */
  get supplementaryId(): string | undefined {
    return this.remember("supplementary-id", () => readSupplementaryId(this));
  }

  private remember<T>(key: string, read: () => T): T | undefined {
    if (!this.links.has(key)) this.links.set(key, this.attempt(read));
    return this.links.get(key) as T | undefined;
  }

  /** The result, or undefined and the reason in `problems`. */
  private attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      this.problems.push(error);
      return undefined;
    }
  }
}
