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
import type { KernelSymbol, NoKernelSymbol } from "../process/kallsyms.ts";
import { decompressing } from "./compressed-files.ts";
import { hasDwarf } from "./debug-sections.ts";
import type { FileProvider } from "./file-provider.ts";
import type { Frame } from "./frame.ts";
import { placeKernelImage, type WantedKernel } from "./kernel-image.ts";
import { type ModulePlacement, placeKernelModule, type WantedKernelModule } from "./kernel-module.ts";
import { Module, type ModuleFrame } from "./module.ts";
import { openByBuildId, tryOpenModule } from "./open-module.ts";

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
    return this.resolveAll([address], isReturnAddress)[0];
  }

  /** As `resolve` for many addresses, each unit of debug information read once. @returns one answer each, in order. */
  resolveAll(addresses: readonly bigint[], isReturnAddress: boolean): Frame[][] {
    const { kallsyms } = this.sources;
    const places = addresses.map((address) => toSignedNumber(address));
    const found = places.map((at) => kallsyms?.find(at - (isReturnAddress ? 1 : 0)));
    const byFile = new Map<PlacedFile, number[]>();
    for (const [i, symbol] of found.entries()) {
      const file = symbol?.module === undefined ? this.openImage() : this.openModule(symbol.module);
      const group = byFile.get(file);
      if (group) group.push(i);
      else byFile.set(file, [i]);
    }
    const answers: Frame[][] = new Array(addresses.length);
    for (const [file, group] of byFile) {
      const frames = file.findAll?.(
        group.map((i) => places[i]),
        isReturnAddress,
      );
      for (const [n, i] of group.entries()) answers[i] = this.join(addresses[i], found[i], file, frames?.[n] ?? []);
    }
    return answers;
  }

  /** What was found damaged, refused or missing so far, for people. */
  problems(): string[] {
    const files = this.image ? [this.image, ...this.modules.values()] : [...this.modules.values()];
    return [...(this.sources.kallsyms?.problems ?? []), ...files.flatMap((file) => file.problems())];
  }

  /** What kallsyms and the file say of an address, as one answer. */
  private join(
    address: bigint,
    found: KernelSymbol | NoKernelSymbol | undefined,
    file: PlacedFile,
    frames: readonly ModuleFrame[],
  ): Frame[] {
    const place = { address, module: `[${found?.module ?? "kernel"}]` };
    const symbol = found && "name" in found ? this.fromKallsyms(found, toSignedNumber(address)) : undefined;
    const last = frames.at(-1);
    if (last === undefined || (last.symbol === undefined && last.line === undefined)) {
      const noFile = file.findAll ? "its file has no code there" : file.reason;
      if (symbol) return [{ ...place, ...symbol, reason: noFile }];
      const reason =
        found && "reason" in found ? found.reason : (this.sources.kallsymsProblem ?? last?.reason ?? noFile);
      return [{ ...place, inlined: false, reason }];
    }
    const named = last.symbol === undefined && symbol ? { ...last, ...symbol, reason: undefined } : last;
    const buildId = file.buildId === undefined ? {} : { buildId: file.buildId };
    return [...frames.slice(0, -1), named].map((frame) => ({ ...place, ...buildId, ...frame }));
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
    const { imagePaths, buildId } = this.sources;
    this.image ??= this.open(
      this.candidates(imagePaths, buildId),
      (elf) => {
        const offset = placeKernelImage(elf, this.sources);
        return { locate: (address) => virtualAddress(address - offset) };
      },
      "no vmlinux found: install the kernel's debug package, or give --vmlinux FILE",
    );
    return this.image;
  }

  private openModule(name: string): PlacedFile {
    let file = this.modules.get(name);
    if (file) return file;
    const { kallsyms } = this.sources;
    const wanted = this.sources.loadedModule(name) ?? {
      name,
      sections: new Map(),
      buildId: undefined,
      srcversion: undefined,
    };
    const candidates = this.candidates(this.sources.modulePaths(name), wanted.buildId);
    file = this.open(candidates, (elf) => placeKernelModule(elf, wanted, kallsyms), whyNoModuleFile(name));
    this.modules.set(name, file);
    return file;
  }

  /** The files at these paths, then what a store has by build ID; or why one cannot be read. */
  private *candidates(paths: readonly string[], buildId: string | undefined): Generator<ElfFile | string> {
    const refusals: string[] = [];
    const refuse = (refusal: string): void => void refusals.push(refusal);
    for (const path of paths) {
      const elf = tryOpenModule(this.files, { path }, undefined, refuse);
      if (elf) yield elf;
      yield* refusals.splice(0);
    }
    const stored = buildId === undefined ? undefined : openByBuildId(this.files, buildId, "debuginfo", refuse);
    if (stored) yield stored;
    yield* refusals;
  }

  /**
   * The first of the files that is the right one, preferably with debug information. The others are closed.
   *
   * @param place verifies the file: throws when it is not the right one.
   * @param missing the reason when there is no file at any of the paths.
   */
  private open(
    candidates: Iterable<ElfFile | string>,
    place: (elf: ElfFile) => ModulePlacement,
    missing: string,
  ): PlacedFile {
    const refusals: string[] = [];
    let best: { elf: ElfFile; placement: ModulePlacement } | undefined;
    for (const elf of candidates) {
      if (typeof elf === "string") {
        refusals.push(elf);
        continue;
      }
      let unused: ElfFile | undefined = elf;
      try {
        const placement = place(elf);
        if (!best || hasDwarf(elf)) {
          unused = best?.elf;
          best = { elf, placement };
        }
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        refusals.push(describeError(error));
      }
      unused?.close();
      if (best && hasDwarf(best.elf)) break;
    }
    if (!best) return { reason: refusals[0] ?? missing, problems: () => refusals };
    const { elf, placement } = best;
    const module = new Module(elf, elf.name, this.files);
    return {
      buildId: elf.buildId,
      reason: "",
      problems: () => module.problems,
      findAll(addresses, isReturnAddress) {
        // Located by the byte before, which is in the same section; counted from the address itself.
        const back = isReturnAddress ? 1 : 0;
        const located = addresses.map((address) => placement.locate(address - back));
        const inside = located.filter((address) => address !== undefined);
        const frames = module.findAll(
          inside.map((address) => virtualAddress(address + back)),
          isReturnAddress,
        );
        let next = 0;
        return located.map((address) => (address === undefined ? [] : frames[next++]));
      },
    };
  }
}

/** A file that was looked for. */
type PlacedFile = {
  buildId?: string | undefined;
  /** The frames at absolute addresses, none for one that is not in the file. Absent when no file was found. */
  findAll?(addresses: readonly number[], isReturnAddress: boolean): ModuleFrame[][];
  /** Why none was found. */
  reason: string;
  problems(): string[];
};

/** What kallsyms puts into brackets is not always a module (kernel/kallsyms.c, kernel/bpf/core.c). */
function whyNoModuleFile(name: string): string {
  if (name === "bpf") return "code of an eBPF program or trampoline, compiled by the kernel: it has no file";
  if (name.startsWith("__builtin__")) return "code that the kernel made at run time: it has no file";
  return `no file of module ${name} found: give its folder with --module-dir DIR`;
}
