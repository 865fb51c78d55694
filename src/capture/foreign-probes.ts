/**
 * Breakpoints that somebody else has set where our probes go: a debugger, or another tracer. The kernel lets several
 * tracers share a place, and then each costs the process its time; a debugger that takes its breakpoint away later takes
 * our probe with it.
 */

import { LeaklineError } from "../base/errors.ts";
import { openFile } from "../os/file-bytes.ts";
import type { AllocatorLibrary } from "../process/allocators.ts";
import { readMemory } from "../process/memory.ts";

/** Names of the functions whose first byte in memory is not that of the file. Empty when the memory cannot be read. */
export function foreignProbes(pid: number, { module, functions }: AllocatorLibrary): string[] {
  if (module.isForeseen || module.openedAs === undefined) return [];
  const file = openFile(module.openedAs);
  try {
    return functions.flatMap(({ name, fileOffset, probes }) => {
      const mapping = module.mappings.find(
        ({ start, end, offset }) => fileOffset >= offset && fileOffset < offset + Number(end - start),
      );
      if (probes === "none" || !mapping) return [];
      const address = mapping.start + BigInt(fileOffset - mapping.offset);
      // As far as a probe may stand behind the entry (probe-placement.ts).
      const inMemory = readMemory(pid, address, LOOKED_AT);
      return file.read(fileOffset, LOOKED_AT).every((byte, i) => byte === inMemory[i]) ? [] : [name];
    });
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    return [];
  } finally {
    file.close();
  }
}

const LOOKED_AT = 24;
