/**
 * From an absolute address of a recorded process to frames: the mapping it lies in, the file behind that, the virtual
 * address in the file, and what stands there. Code that is in no file is looked up in the process's perf map.
 *
 * A live process and a recording are the same here: a process that is looked at now is a recording with one set of
 * mappings. Modules stay open while the budget of open files lasts (ModuleCache), and so a process may exit and its
 * answers stay.
 */

import { absoluteAddress, fileOffset, hex, type VirtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { findRange } from "../base/ranges.ts";
import { type ElfFile, fileOffsetToVirtual } from "../elf/index.ts";
import type { FileEvent, MappingsEvent, RecordedMapping, StackEvent } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";
import { Answers } from "./answers.ts";
import type { FileProvider, WantedFile } from "./file-provider.ts";
import type { Frame } from "./frame.ts";
import { Module, type ModuleFrame } from "./module.ts";
import { DEFAULT_OPEN_FILES, ModuleCache } from "./module-cache.ts";
import { openByBuildId, openModule } from "./open-module.ts";

/** Answers kept, each of some hundred bytes: about 10 MB. */
const MAX_ANSWERS = 1 << 15;

/** Files opened before they are needed; half of what may be open (DEFAULT_OPEN_FILES), for they open more when used. */
const MAX_FILES_AHEAD = DEFAULT_OPEN_FILES / 2;

/** The module of frames that are in no file. */
const GENERATED_CODE = "[jit]";

/** Where an address lies in a file. */
type Located = {
  readonly place: Pick<Frame, "address" | "module" | "buildId">;
  readonly key: number | string;
  readonly open: () => Module | LeaklineError;
  readonly virtualAddress: VirtualAddress;
};

export class Symbolizer {
  private readonly recording: Recording;
  private readonly files: FileProvider;
  /** By number of the recorded file, or by path and build ID. */
  private readonly modules = new ModuleCache<number | string>();
  /** By module and virtual address. */
  private readonly answers = new Answers<string, ModuleFrame[]>(MAX_ANSWERS);
  /** Of the perf maps that were used, by name. */
  private readonly damagedLines = new Map<string, number>();
  /** Process that failed to give a file, by number of the file. */
  private readonly failed = new Map<number, number>();

  constructor(recording: Recording, files: FileProvider) {
    this.recording = recording;
    this.files = files;
  }

  /** The frames of a stack, innermost first. All its addresses are return addresses. */
  resolveStack(stack: StackEvent): Frame[] {
    return this.resolveIn(stack.pid, this.recording.mappingsOf(stack), stack.addresses, true).flat();
  }

  /**
   * The frames at an absolute address, as its process is mapped now, innermost first; at least one, with a reason when
   * nothing is known.
   *
   * @param isReturnAddress see Module.find.
   */
  resolve(pid: number, address: bigint, isReturnAddress: boolean): Frame[] {
    return this.resolveAll(pid, [address], isReturnAddress)[0];
  }

  /**
   * Resolves many addresses, file by file, so that what is decoded of each is used for all of them.
   *
   * @returns the frames of each, as `resolve` gives them, in the order of `addresses`.
   */
  resolveAll(pid: number, addresses: readonly bigint[], isReturnAddress: boolean): Frame[][] {
    return this.resolveIn(pid, this.recording.mappings.get(pid)?.mappings ?? [], addresses, isReturnAddress);
  }

  /** The frames at a virtual address of a file that a text names: `(/usr/lib/libfoo.so+0x1234)`. */
  resolveInFile(path: string, buildId: string, address: VirtualAddress, isReturnAddress: boolean): Frame[] {
    const place = placeOf(absoluteAddress(BigInt(address)), path, buildId);
    const open = (): Module | LeaklineError => this.openModule({ path }, buildId, this.files);
    const located = { place, key: `${path}\0${buildId}`, open, virtualAddress: address };
    return this.resolveLocated([located], isReturnAddress)[0];
  }

  /** Forgets files and answers: to be asked again when files have arrived that were missing (FileProvider.byBuildId). */
  reopen(): void {
    this.modules.close();
    this.answers.clear();
  }

  /**
   * Opens the files that a process has mapped now, up to a limit. A process takes what only leads through it with it:
   * its deleted files, its mount namespace.
   */
  openMappedFiles({ pid, mappings }: MappingsEvent): void {
    const files = new Set<number>();
    for (const mapping of mappings) {
      const file = this.recording.files.get(mapping.file);
      if (!file || files.has(file.file)) continue;
      if (files.size === MAX_FILES_AHEAD) return;
      files.add(file.file);
      // One that was gone before its file could be opened must not spoil it for the next that maps it.
      const failed = this.failed.get(file.file);
      if (failed !== undefined && failed !== pid) this.modules.forget(file.file);
      this.modules.get(file.file, () => this.openMapped(pid, file, mapping));
    }
  }

  /** What was found damaged or missing in the files used so far. */
  problems(): string[] {
    const problems = this.modules.problems();
    for (const [name, lines] of this.damagedLines)
      if (lines > 0) problems.push(`${name}: ${lines} lines are no entries and were passed over`);
    return problems;
  }

  private resolveIn(
    pid: number,
    mappings: readonly RecordedMapping[],
    addresses: readonly bigint[],
    isReturnAddress: boolean,
  ): Frame[][] {
    const located = addresses.map((address) =>
      this.locate(pid, findRange(mappings, address), address, isReturnAddress),
    );
    return this.resolveLocated(located, isReturnAddress);
  }

  /** Where an address lies in a file; or its frame, when that is in none or already known not to be resolved. */
  private locate(
    pid: number,
    mapping: RecordedMapping | undefined,
    address: bigint,
    isReturnAddress: boolean,
  ): Located | Frame {
    if (!mapping) return { address, inlined: false, reason: "not in any executable mapping" };
    const file = this.recording.files.get(mapping.file);
    if (!file) {
      if (!isKernelMemory(mapping.label)) return this.findGenerated(pid, address, isReturnAddress);
      return { address, inlined: false, reason: `in ${mapping.label}, the kernel's own memory that is no file` };
    }
    const open = (): Module | LeaklineError => this.openMapped(pid, file, mapping);
    const module = this.modules.get(file.file, open);
    const place = placeOf(address, file.path, file.buildId);
    const offset = fileOffset(Number(address - mapping.start) + mapping.offset);
    const segments = module instanceof Module ? module.elf.segments : [];
    const virtual = fileOffsetToVirtual(segments, offset) ?? recordedVirtual(file, offset);
    if (virtual !== undefined && module instanceof Module)
      return { place, key: file.file, open, virtualAddress: virtual };
    // Generated code may lie in a file too, one without a name (memfd_create(2)) or /dev/zero.
    const generated = this.findGenerated(pid, address, isReturnAddress);
    if (generated.symbol !== undefined) return generated;
    const reason = module instanceof Module ? `file offset 0x${hex(offset)} is in no loaded segment` : module.message;
    return { ...place, inlined: false, ...(virtual !== undefined && { moduleAddress: virtual }), reason };
  }

  private resolveLocated(located: readonly (Located | Frame)[], isReturnAddress: boolean): Frame[][] {
    const byModule = new Map<number | string, number[]>();
    const frames = located.map((one, index): Frame[] => {
      if (!("key" in one)) return [one];
      const known = this.answers.get(answerKey(one, isReturnAddress));
      if (known) return known.map((frame) => ({ ...one.place, ...frame }));
      const group = byModule.get(one.key);
      if (group) group.push(index);
      else byModule.set(one.key, [index]);
      return [];
    });
    for (const indexes of byModule.values()) {
      const group = indexes.map((index) => located[index] as Located);
      for (const [i, found] of this.findInModule(group, isReturnAddress).entries()) {
        this.answers.set(answerKey(group[i], isReturnAddress), found);
        frames[indexes[i]] = found.map((frame) => ({ ...group[i].place, ...frame }));
      }
    }
    return frames;
  }

  /** @param group all of one module. */
  private findInModule(group: readonly Located[], isReturnAddress: boolean): ModuleFrame[][] {
    const module = this.modules.get(group[0].key, group[0].open);
    const addresses = group.map(({ virtualAddress }) => virtualAddress);
    if (module instanceof Module) return module.findAll(addresses, isReturnAddress);
    return addresses.map((moduleAddress) => [{ inlined: false, moduleAddress, reason: module.message }]);
  }

  /** Never remembered: generated code moves, and its map grows. */
  private findGenerated(pid: number, address: bigint, isReturnAddress: boolean): Frame {
    const frame = { address, inlined: false, module: GENERATED_CODE };
    try {
      const map = this.filesOf(pid).perfMap?.();
      if (!map) return { ...frame, reason: "code generated at run time; its perf map was not recorded" };
      this.damagedLines.set(map.name, map.damagedLines);
      const entry = map.find(Number(address) - (isReturnAddress ? 1 : 0));
      if (!entry) return { ...frame, reason: `code generated at run time that ${map.name} does not name` };
      const { start, size, name: symbol } = entry;
      const reason = "a perf map has no lines";
      return { ...frame, symbol, offset: Number(address) - start, size, symbolSource: map.name, reason };
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return { ...frame, reason: `code generated at run time: ${error.message}` };
    }
  }

  private openMapped(pid: number, file: FileEvent, mapping: RecordedMapping): Module | LeaklineError {
    const { path, segments, buildId } = file;
    const wanted = { path, mapping, segments, inode: buildId === "" ? file : undefined };
    const module = this.openModule(wanted, buildId, this.filesOf(pid));
    if (module instanceof Module) this.failed.delete(file.file);
    else this.failed.set(file.file, pid);
    return module;
  }

  /** As the process sees them. It is named by its start time too: its number may be another's by now. */
  private filesOf(pid: number): FileProvider {
    const process = this.recording.processes.get(pid);
    return (process && this.files.ofProcess?.({ pid, startTime: process.startTicks })) ?? this.files;
  }

  private openModule(wanted: WantedFile, buildId: string, files: FileProvider): Module | LeaklineError {
    try {
      return new Module(openElf(files, wanted, buildId), wanted.path, files);
    } catch (error) {
      if (error instanceof LeaklineError) return error;
      throw error;
    }
  }
}

/** The file where it should lie, or else in a store of files by build ID. */
function openElf(files: FileProvider, wanted: WantedFile, buildId: string): ElfFile {
  try {
    return openModule(files, wanted, buildId);
  } catch (error) {
    const stored = buildId === "" ? undefined : openByBuildId(files, buildId, "executable", () => {});
    if (stored) return stored;
    throw error;
  }
}

function answerKey({ key, virtualAddress }: Located, isReturnAddress: boolean): string {
  return `${key} ${virtualAddress} ${isReturnAddress}`;
}

function placeOf(address: bigint, module: string, buildId: string): Pick<Frame, "address" | "module" | "buildId"> {
  return { address, module, ...(buildId !== "" && { buildId }) };
}

/** `[vsyscall]`, `[uprobes]`, …; not memory that is the process's own, where it may put code. */
function isKernelMemory(label: string): boolean {
  return label.startsWith("[") && !/^\[(anon|heap|stack)/.test(label);
}

/** From the recorded program headers, when the file itself is not here. */
function recordedVirtual(file: FileEvent, offset: number): VirtualAddress | undefined {
  const segment = file.segments.find((s) => offset >= s.offset && offset - s.offset < s.fileSize);
  return segment && ((offset - segment.offset + segment.address) as VirtualAddress);
}
