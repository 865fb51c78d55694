/**
 * From an absolute address in a process to a file offset, and on to the virtual address that the linker gave it.
 *
 * `address - mapping start + mapping offset` is a file offset. The program header that covers this offset gives the
 * virtual address (gABI 5, "Program Header"): `offset - p_offset + p_vaddr`. Both are equal only in simple files.
 * An address that means nothing in a file is a value with a reason, never an exception.
 */

import { type AbsoluteAddress, type FileOffset, fileOffset, hex, type VirtualAddress } from "../base/address.ts";
import { findRange } from "../base/ranges.ts";
import { fileOffsetToVirtual, type Segment } from "../elf/index.ts";
import type { Mapping } from "../process/maps.ts";

/** What an absolute address is. */
export type Normalized =
  | {
      readonly kind: "file";
      readonly mapping: Mapping;
      readonly fileOffset: FileOffset;
      /** Undefined when no segments were given. */
      readonly virtualAddress: VirtualAddress | undefined;
    }
  | {
      readonly kind: "unknown";
      /** A clause for the reader: "not mapped". */
      readonly reason: string;
      /** The mapping that the address is in, when it is in one. */
      readonly mapping: Mapping | undefined;
    };

/**
 * Normalizes one address.
 *
 * @param mappings by ascending start, as `parseMaps` and `readMaps` return them.
 * @param segmentsOf the program headers of a mapping's file, when they are known.
 */
export function normalizeAddress(
  mappings: readonly Mapping[],
  address: AbsoluteAddress,
  segmentsOf?: (mapping: Mapping) => readonly Segment[] | undefined,
): Normalized {
  const mapping = findRange(mappings, address);
  return normalizeIn(mapping, address, mapping && segmentsOf?.(mapping));
}

/**
 * Normalizes an address whose mapping has been looked up already, for example in a MappingIndex.
 *
 * @param segments the program headers of the mapping's file; undefined when they are not known.
 */
export function normalizeIn(
  mapping: Mapping | undefined,
  address: AbsoluteAddress,
  segments?: readonly Segment[],
): Normalized {
  if (!mapping) return { kind: "unknown", reason: "not mapped", mapping };
  const reason = whyNotCode(mapping);
  if (reason !== undefined) return { kind: "unknown", reason, mapping };
  const offset = fileOffset(Number(address - mapping.start) + mapping.offset);
  if (!segments) return { kind: "file", mapping, fileOffset: offset, virtualAddress: undefined };
  const virtual = fileOffsetToVirtual(segments, offset);
  if (virtual === undefined) {
    const place = `file offset 0x${hex(offset)} of ${mapping.path}`;
    return { kind: "unknown", reason: `${place} is in none of its loaded segments`, mapping };
  }
  return { kind: "file", mapping, fileOffset: offset, virtualAddress: virtual };
}

/** Why a mapping cannot hold code from a file; undefined when it can. */
function whyNotCode(mapping: Mapping): string | undefined {
  switch (mapping.kind) {
    case "uprobes":
      return "in the kernel's trampoline for return probes ([uprobes])";
    case "vsyscall":
      return "in the kernel's vsyscall page, which has no symbols";
    case "special":
      return `in ${mapping.path}, memory of the kernel's that is no file`;
  }
  if (!mapping.permissions.execute) return `not code: ${nameOf(mapping)} is not executable`;
  return mapping.kind === "file" || mapping.kind === "vdso"
    ? undefined
    : `in ${nameOf(mapping)} that is executable: code generated at run time?`;
}

function nameOf(mapping: Mapping): string {
  if (mapping.kind === "file") return `the mapping of ${mapping.path}`;
  return mapping.path === "" ? "anonymous memory" : mapping.path;
}
