/**
 * Executable mappings that the eBPF program came across itself, before we had read them: all that is known of a process
 * that lived for a few milliseconds.
 */

import type { BpfObject } from "../bpf/libbpf.ts";
import { FILE_KEY, SEEN_KEY, SEEN_MAPPING } from "./layout.ts";

export type SeenMapping = {
  readonly start: bigint;
  readonly end: bigint;
  /** File offset of `start`. */
  readonly offset: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly inode: bigint;
};

/** Those of an address space, by ascending start. */
export function seenMappings(object: BpfObject, space: number): SeenMapping[] {
  const found: SeenMapping[] = [];
  object.map("seen_mappings").forEachBatch((keys, values, count) => {
    for (let i = 0; i < count; i++) {
      const key = i * SEEN_KEY.size;
      const value = i * SEEN_MAPPING.size;
      if (keys.getUint32(key + SEEN_KEY.space, true) !== space) continue;
      const device = values.getUint32(value + SEEN_MAPPING.file + FILE_KEY.device, true);
      found.push({
        start: keys.getBigUint64(key + SEEN_KEY.start, true),
        end: values.getBigUint64(value + SEEN_MAPPING.end, true),
        offset: Number(values.getBigUint64(value + SEEN_MAPPING.offset, true)),
        deviceMajor: device >>> 20,
        deviceMinor: device & 0xfffff,
        inode: values.getBigUint64(value + SEEN_MAPPING.file + FILE_KEY.inode, true),
      });
    }
  });
  return found.sort((a, b) => (a.start < b.start ? -1 : 1));
}
