/**
 * From an absolute address of a recorded process to frames: the mapping it lies in, the file behind that, the virtual
 * address in the file, and what stands there.
 *
 * A live process and a recording are the same here: a process that is looked at now is a recording with one set of
 * mappings. Modules stay open for as long as the symbolizer lives.
 */

import { fileOffset, type VirtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { fileOffsetToVirtual } from "../elf/index.ts";
import { findMapping } from "../normalize/normalize.ts";
import type { FileEvent, MappingsEvent, RecordedMapping, StackEvent, Time } from "../recording/events.ts";
import type { Recording } from "../recording/recording.ts";
import type { FileProvider } from "./file-provider.ts";
import type { Frame } from "./frame.ts";
import { Module } from "./module.ts";
import { openModule } from "./open-module.ts";

/** Files opened before they are needed: each takes a file descriptor. */
const MAX_FILES_AHEAD = 256;

export class Symbolizer {
  private readonly recording: Recording;
  private readonly files: FileProvider;
  /** By number of the recorded file; the reason when it could not be opened. */
  private readonly modules = new Map<number, Module | LeaklineError>();

  constructor(recording: Recording, files: FileProvider) {
    this.recording = recording;
    this.files = files;
  }

  /** The frames of a stack, innermost first. All its addresses are return addresses. */
  resolveStack(stack: StackEvent): Frame[] {
    const time = this.recording.stackTimes.get(stack.stack) ?? 0;
    return stack.addresses.flatMap((address) => this.resolve(stack.pid, time, address, true));
  }

  /**
   * The frames at an absolute address, innermost first; at least one, with a reason when nothing is known.
   *
   * @param isReturnAddress see Module.find.
   */
  resolve(pid: number, time: Time, address: bigint, isReturnAddress: boolean): Frame[] {
    const mapping = findMapping(this.recording.mappingsAt(pid, time)?.mappings ?? [], address);
    if (!mapping) return [{ address, inlined: false, reason: "not in any executable mapping" }];
    const file = this.recording.files.get(mapping.file);
    if (!file)
      return [{ address, inlined: false, reason: `in ${mapping.label || "an unknown mapping"}, which is not a file` }];

    const place = { address, module: file.path, ...(file.buildId !== "" && { buildId: file.buildId }) };
    const offset = fileOffset(Number(address - mapping.start) + mapping.offset);
    const module = this.module(file, mapping);
    const segments = module instanceof Module ? module.elf.segments : [];
    const virtual = fileOffsetToVirtual(segments, offset) ?? recordedVirtual(file, offset);
    if (virtual === undefined) {
      return [{ ...place, inlined: false, reason: `file offset 0x${offset.toString(16)} is in no loaded segment` }];
    }
    if (!(module instanceof Module)) {
      return [{ ...place, inlined: false, moduleAddress: virtual, reason: module.message }];
    }
    return module.find(virtual, isReturnAddress).map((frame) => ({ ...place, ...frame }));
  }

  /**
   * Opens the files that a process has mapped now, up to a limit. A process takes what only leads through it with it:
   * its deleted files, its mount namespace.
   */
  openMappedFiles({ mappings }: MappingsEvent): void {
    for (const mapping of mappings) {
      const file = this.recording.files.get(mapping.file);
      if (file && this.modules.size < MAX_FILES_AHEAD) this.module(file, mapping);
    }
  }

  /** What was found damaged or missing in the files used so far. */
  problems(): string[] {
    return [...this.modules.values()].flatMap((module) =>
      module instanceof Module ? module.problems : [module.message],
    );
  }

  private module(file: FileEvent, mapping: RecordedMapping): Module | LeaklineError {
    let module = this.modules.get(file.file);
    if (!module) {
      module = this.openModule(file, mapping);
      this.modules.set(file.file, module);
    }
    return module;
  }

  private openModule(file: FileEvent, mapping: RecordedMapping): Module | LeaklineError {
    const { path, segments, buildId } = file;
    try {
      return new Module(openModule(this.files, { path, mapping, segments }, buildId), path, this.files);
    } catch (error) {
      if (error instanceof LeaklineError) return error;
      throw error;
    }
  }
}

/** From the recorded program headers, when the file itself is not here. */
function recordedVirtual(file: FileEvent, offset: number): VirtualAddress | undefined {
  const segment = file.segments.find((s) => offset >= s.offset && offset - s.offset < s.fileSize);
  return segment && ((offset - segment.offset + segment.address) as VirtualAddress);
}
