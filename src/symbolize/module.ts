/**
 * One ELF file and whatever debug information was found for it: from a virtual address to frames.
 *
 * Everything is opened when it is first needed, and remembered. What is damaged is passed over with a reason; the
 * other sources still answer.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { upperBoundFrom } from "../base/upper-bound.ts";
import { type Answer, brief, type Dwarf, functionAt, NOT_COVERED } from "../dwarf/index.ts";
import { SHF_EXECINSTR } from "../elf/constants.ts";
import { type CodeLayout, type ElfFile, fileOffsetToVirtual, layOutCode } from "../elf/index.ts";
import { answerChanges } from "./answer-changes.ts";
import type { FileProvider, KeptAnswers, KeptRange } from "./file-provider.ts";
import { FoundBatch, NOTHING_FOUND } from "./found-batch.ts";
import { type ModuleFrame, withoutInlines } from "./frame.ts";
import type { FoundChain, FrameChain } from "./frame-chain.ts";
import type { FunctionName } from "./function-name.ts";
import { ModuleFiles } from "./module-files.ts";
import { ModuleFrames } from "./module-frames.ts";

export type { ModuleFrame };

export type BatchOptions = {
  /**
   * With false, each address has one frame: the function that all the others are inlined into, at the place of the
   * innermost. That takes less time, and is not kept for the next run. Default: true.
   */
  inlines?: boolean;
  /** Is given answers that need no objects, first: when it returns true, `take` is not. */
  takeChain?: (chain: FrameChain, index: number) => boolean;
};

/** Ranges of a whole file that are looked up together: enough that units are read once, few enough for memory. */
const RANGES_AT_ONCE = 1 << 15;
/** Of a batch, answers after which it is asked again whether somebody wrote to the files. */
const CHECK_CHANGES_EVERY = 1 << 10;

export class Module {
  readonly elf: ElfFile;
  private readonly files: ModuleFiles;
  private readonly frames: ModuleFrames;
  private readonly layout: CodeLayout | undefined;
  private foundKept: KeptAnswers | undefined | null;

  /** @param path as the process sees it. */
  constructor(elf: ElfFile, path: string, provider: FileProvider) {
    this.elf = elf;
    this.layout = layOutCode(elf);
    this.files = new ModuleFiles(elf, path, provider);
    this.frames = new ModuleFrames(this.files, this.layout);
  }

  /** As the process sees it. */
  get path(): string {
    return this.files.path;
  }

  /**
   * The frames at a virtual address, innermost first; at least one, with a reason when it has no symbol. In a
   * relocatable file, whose sections have no addresses, ask for what `sectionAddress` gives.
   *
   * @param isReturnAddress look up the instruction before it, the call: the one behind the call may belong to another
   *   line, and after a call that never returns, to another function. Offsets still count to `address` itself.
   */
  find(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    return this.kept?.look([address], isReturnAddress).frames(0) ?? this.resolve(address, isReturnAddress);
  }

  /** As `find` for many addresses, each unit of debug information read once. @returns one answer each, in their order. */
  findAll(addresses: readonly VirtualAddress[], isReturnAddress: boolean): ModuleFrame[][] {
    const answers: ModuleFrame[][] = [];
    this.findEach(addresses, isReturnAddress, (frames) => answers.push(frames));
    return this.files.changed === undefined
      ? answers
      : addresses.map((address) => this.unknown(address, isReturnAddress));
  }

  /**
   * As `findAll`, with one answer at a time in memory.
   *
   * @param take is given the frames of each address, in the order of the addresses.
   */
  findEach(
    addresses: readonly VirtualAddress[],
    isReturnAddress: boolean,
    take: (frames: ModuleFrame[], index: number) => void,
    { inlines = true, takeChain }: BatchOptions = {},
  ): void {
    const kept = this.kept?.look(addresses, isReturnAddress);
    const missing = kept ? addresses.filter((_, i) => !kept.has(i)) : addresses;
    const wanted = distinct(missing, isReturnAddress);
    const { files, frames } = this;
    const found = wanted.length > 0 ? new FoundBatch(files, wanted, inlines) : undefined;
    // In a relocatable file, addresses count from sections.
    const takeFound = this.layout ? undefined : takeChain;
    let last = 0;
    frames.beginBatch();
    try {
      for (let index = 0; index < addresses.length; index++) {
        const address = addresses[index];
        const lookedUp = lookupAddress(address, isReturnAddress);
        last = upperBoundFrom(wanted, lookedUp, last);
        const i = last - 1;
        if (wanted[i] !== lookedUp) {
          if (takeChain && kept?.pass(index, (chain) => takeChain(chain, index))) continue;
          // Without frames, the index turned out to be damaged on the way.
          const all = kept?.frames(index) ?? this.resolve(address, isReturnAddress);
          take(inlines ? all : withoutInlines(all), index);
          continue;
        }
        if (index % CHECK_CHANGES_EVERY === 0) files.checkChanges();
        if (takeFound && files.changed === undefined) {
          const chain = found?.chain(i);
          if (chain && takeFound(chain, index)) {
            if (inlines) this.keepChain(lookedUp, chain, found?.reason(i));
            continue;
          }
        }
        const answer = found?.answer(i) ?? NOTHING_FOUND;
        const name = found?.name(i);
        if (inlines) take(this.answer(address, isReturnAddress, answer, name), index);
        else if (files.changed !== undefined) take(this.unknown(address, isReturnAddress), index);
        else take(withoutInlines(frames.at(address, lookedUp, answer, name)), index);
      }
      if (wanted.length > 0) files.checkChanges();
    } finally {
      frames.endBatch();
    }
  }

  /**
   * Looks up all the code there is and keeps it, so that later runs find any address without debug information.
   *
   * @throws LeaklineError `unsupported` when answers are not kept for this file, and why it could not be read or written.
   */
  keepWhole(): void {
    const { kept } = this;
    if (!kept)
      throw new LeaklineError("unsupported", `${this.path}: no index can be kept`, {
        hint: "it needs a build ID, and a folder that only you can write to: --verbose says more",
      });
    if (this.layout)
      throw new LeaklineError("unsupported", `${this.path}: is not linked, so it has no addresses to index`);
    kept.keepWhole(this.allRanges());
  }

  /** The frames from the files themselves. */
  private resolve(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    const wanted = lookupAddress(address, isReturnAddress);
    const found = this.files.sources.dwarf?.find(wanted);
    const name = this.frames.nameOf(wanted, functionAt(found?.frames.at(-1)?.function, wanted));
    this.files.checkChanges();
    return this.answer(address, isReturnAddress, found ? brief(found) : NOTHING_FOUND, name);
  }

  /** Frames from what was found, kept for the next run. */
  private answer(
    address: VirtualAddress,
    isReturnAddress: boolean,
    found: Answer,
    name: FunctionName | undefined,
  ): ModuleFrame[] {
    if (this.files.changed !== undefined) return this.unknown(address, isReturnAddress);
    const frames = this.frames.at(address, lookupAddress(address, isReturnAddress), found, name);
    if (this.kept && this.isLasting(found.frames.length, found.reason))
      this.kept.keep(address, isReturnAddress, frames);
    return frames;
  }

  /** @param reason why there is nothing in it of debug information. */
  private keepChain(wanted: VirtualAddress, chain: FoundChain, reason: string | undefined): void {
    if (this.kept && this.isLasting(0, reason)) this.kept.keepChain(wanted, chain);
  }

  /** Whether an answer will be the same tomorrow: what could not be read or found may be there then. */
  private isLasting(depth: number, reason: string | undefined): boolean {
    if (reason !== undefined && (depth > 0 || reason !== NOT_COVERED)) return false;
    // There may be thousands, found unit by unit: what answers are known by does not tell whether one has changed.
    if (this.files.hasSplitFiles) return false;
    return !this.files.opened.some(({ problems }) => problems.some(({ code }) => code === "io"));
  }

  /** All answers that last. */
  private *allRanges(): Generator<KeptRange> {
    const { sources, stubs, bounds } = this.files;
    const { dwarf, symbols } = sources;
    const changes = answerChanges(this.elf, symbols, stubs, bounds, dwarf?.answerChanges());
    if (this.files.hasSplitFiles)
      throw new LeaklineError("unsupported", `${this.path}: its debug information is in .dwo files, which may change`, {
        hint: "dwp or llvm-dwp make one file of them, which can be indexed",
      });
    for (let at = 0; at < changes.length - 1; at += RANGES_AT_ONCE) {
      const begins = changes.slice(at, Math.min(at + RANGES_AT_ONCE, changes.length - 1));
      const batch = new FoundBatch(this.files, begins, true);
      this.frames.beginBatch();
      for (let i = 0; i < begins.length; i++) {
        const begin = virtualAddress(begins[i]);
        const end = changes[at + i + 1];
        const chain = batch.chain(i);
        if (chain) {
          if (this.isLasting(0, batch.reason(i))) yield { begin, end, chain };
          continue;
        }
        const found = batch.answer(i);
        if (this.isLasting(found.frames.length, found.reason))
          yield { begin, end, frames: this.frames.at(begin, begin, found, batch.name(i)) };
      }
      this.frames.endBatch();
      this.files.checkChanges();
      if (this.files.changed !== undefined) throw new LeaklineError("mismatch", this.files.changed);
    }
  }

  private unknown(address: VirtualAddress, isReturnAddress: boolean): ModuleFrame[] {
    return this.frames.unknown(address, lookupAddress(address, isReturnAddress), this.files.changed);
  }

  /** The virtual address that a file offset is loaded at; undefined when no segment loads it. */
  virtualAddress(offset: number): VirtualAddress | undefined {
    if (this.layout) {
      const section = this.elf.sections.find(
        (candidate) =>
          candidate.flags & SHF_EXECINSTR && offset >= candidate.offset && offset - candidate.offset < candidate.size,
      );
      return section && virtualAddress(this.layout.base(section) + offset - section.offset);
    }
    return fileOffsetToVirtual(this.elf.segments, offset as FileOffset);
  }

  /**
   * The address of an offset into a section, which `find` takes; undefined when the section is shorter.
   *
   * @throws LeaklineError `not-found` when the file has no such section, or in a relocatable file no code in it.
   */
  sectionAddress(name: string, offset: number): VirtualAddress | undefined {
    const section = this.elf.section(name);
    const isCode = section !== undefined && (section.flags & SHF_EXECINSTR) !== 0;
    if (!section || (this.layout && !isCode)) {
      const what = section ? "is not code" : "no such section";
      throw new LeaklineError("not-found", `${this.elf.name}: ${name}: ${what}`, { hint: "readelf -S lists them" });
    }
    // The end belongs to it: a call that never returns may be the last instruction.
    if (!(offset >= 0 && offset <= section.size)) return undefined;
    return virtualAddress((this.layout ? this.layout.base(section) : section.address) + offset);
  }

  /** Its debug information, and the file that has it; undefined when none was found. */
  get debugInformation(): { dwarf: Dwarf; file: string } | undefined {
    const { dwarf, dwarfFile } = this.files.sources;
    return dwarf && { dwarf, file: dwarfFile };
  }

  /** What was found damaged or missing so far, for people. */
  get problems(): string[] {
    return this.files.problems;
  }

  /** Files that it holds open: what a cache of modules counts. */
  get openFiles(): number {
    return this.files.openFiles;
  }

  /** Bytes of memory that it takes, about: what a cache of modules counts, too. */
  get memory(): number {
    return this.files.memory;
  }

  /** Closes its files. What was found so far stays; a module is not to be asked again. */
  close(): void {
    this.files.close();
  }

  /** The answers of earlier runs for exactly these files; undefined when one of them has nothing to tell it by. */
  private get kept(): KeptAnswers | undefined {
    if (this.foundKept === undefined) {
      const { debugFiles, opened, provider } = this.files;
      void debugFiles; // opens them: they identify an answer too, and their names stand in it
      const identities = opened.map(({ name, source }) => source.identity && `${name}\0${source.identity}`);
      const isKnown = this.elf.buildId !== undefined && identities.every((identity) => identity !== undefined);
      this.foundKept = (isKnown && provider.keptAnswers?.([this.elf.buildId, ...identities].join("\n"))) || null;
    }
    return this.foundKept ?? undefined;
  }
}

function lookupAddress(address: VirtualAddress, isReturnAddress: boolean): VirtualAddress {
  return isReturnAddress ? virtualAddress(address - 1) : address;
}

/** What is looked up for these addresses: sorted, each once. */
function distinct(addresses: readonly VirtualAddress[], areReturnAddresses: boolean): Float64Array {
  const sorted = new Float64Array(addresses.length);
  for (let i = 0; i < sorted.length; i++) sorted[i] = lookupAddress(addresses[i], areReturnAddresses);
  sorted.sort();
  let count = 0;
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[count - 1]) sorted[count++] = sorted[i];
  return sorted.subarray(0, count);
}
