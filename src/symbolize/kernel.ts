/**
 * From an address of the kernel to frames.
 *
 * kallsyms is what the running kernel says of itself, so it decides whose code an address is: the kernel's, a module's,
 * an eBPF program's. The file behind that, `vmlinux` or a `.ko`, adds lines and inlined functions when it is there and
 * is the right one. When it is not, the name from kallsyms stands, and the reason says why there is no line.
 */

import { toSignedNumber, virtualAddress } from "../base/address.ts";
import { describeError, LeaklineError } from "../base/errors.ts";
import { demangle } from "../demangle/index.ts";
import type { ElfFile } from "../elf/index.ts";
import type { KernelSymbol } from "../process/kallsyms.ts";
import { decompressing } from "./compressed-files.ts";
import type { FileProvider } from "./file-provider.ts";
import type { Frame } from "./frame.ts";
import { placeKernelImage, type WantedKernel } from "./kernel-image.ts";
import { type ModulePlacement, placeKernelModule, type WantedKernelModule } from "./kernel-module.ts";
import { Module, type ModuleFrame } from "./module.ts";
import { tryOpenModule } from "./open-module.ts";

/** All that there is to go by; whatever is missing makes answers poorer, never wrong. */
export type KernelSources = WantedKernel & {
  /** Why there is no kallsyms. */
  kallsymsProblem: string | undefined;
  files: FileProvider;
  /** Paths where vmlinux may lie, most likely first; asked of `files`. */
  imagePaths: readonly string[];
  /** The same for the module of that name. */
  modulePaths(name: string): readonly string[];
  /** What the running kernel tells of a module; undefined when it has none of that name, or is not the one meant. */
  loadedModule(name: string): WantedKernelModule | undefined;
};

export class Kernel {
  private readonly sources: KernelSources;
  private readonly files: FileProvider;
  private image: PlacedFile | undefined;
  private readonly modules = new Map<string, PlacedFile>();

  constructor(sources: KernelSources) {
    this.sources = sources;
    this.files = decompressing(sources.files);
  }

  /**
   * The frames at an absolute address, innermost first; at least one, with a reason when it has no symbol or no line.
   *
   * @param isReturnAddress see Module.find.
   */
  resolve(address: bigint, isReturnAddress: boolean): Frame[] {
    const { kallsyms, kallsymsProblem } = this.sources;
    const at = toSignedNumber(address);
    const found = kallsyms?.find(at - (isReturnAddress ? 1 : 0));
    const symbol = found && "name" in found ? found : undefined;
    const module = found?.module;
    const place = { address, module: `[${module ?? "kernel"}]` };

    const file = module === undefined ? this.openImage() : this.openModule(module);
    const frames = file.find?.(at, isReturnAddress) ?? [];
    const last = frames.at(-1);
    if (last === undefined || (last.symbol === undefined && last.line === undefined)) {
      const noFile = file.find ? "its file has no line for it" : file.reason;
      if (symbol) return [{ ...place, ...this.fromKallsyms(symbol, at), reason: noFile }];
      const reason = found && "reason" in found ? found.reason : (kallsymsProblem ?? last?.reason ?? noFile);
      return [{ ...place, inlined: false, reason }];
    }
    if (last.symbol === undefined && symbol) Object.assign(last, this.fromKallsyms(symbol, at), { reason: undefined });
    const buildId = file.buildId === undefined ? {} : { buildId: file.buildId };
    return frames.map((frame) => ({ ...place, ...buildId, ...frame }));
  }

  /** What was found damaged, refused or missing so far, for people. */
  problems(): string[] {
    const files = this.image ? [this.image, ...this.modules.values()] : [...this.modules.values()];
    return [...(this.sources.kallsyms?.problems ?? []), ...files.flatMap(({ problems }) => problems)];
  }

  private fromKallsyms(symbol: KernelSymbol, at: number): ModuleFrame {
    const frame: ModuleFrame = {
      symbol: demangle(symbol.name),
      offset: at - symbol.address,
      inlined: false,
      symbolSource: this.sources.kallsyms?.file,
    };
    if (symbol.size !== undefined) frame.size = symbol.size;
    if (symbol.aliases.length > 0) frame.aliases = symbol.aliases.map((alias) => demangle(alias));
    return frame;
  }

  private openImage(): PlacedFile {
    this.image ??= this.open(this.sources.imagePaths, (elf) => {
      const offset = placeKernelImage(elf, this.sources);
      return { locate: (address) => virtualAddress(address - offset) };
    });
    if (!this.image.find && this.image.problems.length === 0)
      this.image.reason = "no vmlinux found: install the kernel's debug package, or give --vmlinux FILE";
    return this.image;
  }

  private openModule(name: string): PlacedFile {
    let file = this.modules.get(name);
    if (file) return file;
    const { kallsyms } = this.sources;
    const loaded = this.sources.loadedModule(name);
    const wanted = loaded ?? { name, sections: new Map(), buildId: undefined, srcversion: undefined };
    file = this.open(this.sources.modulePaths(name), (elf) => placeKernelModule(elf, wanted, kallsyms), true);
    if (!file.find && file.problems.length === 0) file.reason = whyNoModuleFile(name);
    this.modules.set(name, file);
    return file;
  }

  /**
   * The first of the files that is the right one, preferably with debug information.
   *
   * @param place verifies the file: throws when it is not the right one.
   */
  private open(paths: readonly string[], place: (elf: ElfFile) => ModulePlacement, isRelocatable = false): PlacedFile {
    const problems: string[] = [];
    let best: { elf: ElfFile; path: string; placement: ModulePlacement } | undefined;
    for (const path of paths) {
      const elf = tryOpenModule(this.files, { path }, undefined, (problem) => problems.push(problem));
      if (!elf) continue;
      try {
        const placement = place(elf);
        const hasDebug = elf.section(".debug_info") !== undefined;
        if (!best || hasDebug) best = { elf, path, placement };
        if (hasDebug) break;
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        problems.push(describeError(error));
      }
    }
    if (!best) return { problems, reason: problems[0] ?? "" };
    const { elf, path, placement } = best;
    const module = new Module(elf, path, this.files);
    return {
      buildId: elf.buildId,
      problems: module.problems,
      reason: "",
      find(address, isReturnAddress) {
        // Looked up by the byte before, which is in the same section; counted from the address itself.
        const back = isReturnAddress ? 1 : 0;
        const located = placement.locate(address - back);
        if (located === undefined) return [];
        const frames = module.find(virtualAddress(located + back), isReturnAddress);
        // Where a module's file lays out its sections means nothing to anybody else.
        return isRelocatable ? frames.map(({ moduleAddress: _, ...frame }) => frame) : frames;
      },
    };
  }
}

/** A file that was looked for. */
type PlacedFile = {
  buildId?: string | undefined;
  /** Absent when none was found. */
  find?(address: number, isReturnAddress: boolean): ModuleFrame[];
  /** Why none was found. */
  reason: string;
  problems: string[];
};

/** What kallsyms puts into brackets is not always a module (kernel/kallsyms.c, kernel/bpf/core.c). */
function whyNoModuleFile(name: string): string {
  if (name === "bpf") return "code of an eBPF program or trampoline, compiled by the kernel: it has no file";
  if (name.startsWith("__builtin__")) return "code that the kernel made at run time: it has no file";
  return `no file of module ${name} found: give its folder with --module-dir DIR`;
}
