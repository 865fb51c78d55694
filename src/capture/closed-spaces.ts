/** Blocks of address spaces that are gone: nobody will free them, so they would only fill the eBPF program's tables. */

import type { BpfObject } from "../bpf/libbpf.ts";
import { BLOCK_KEY } from "./layout.ts";

export function forgetBlocks(object: BpfObject, space: number): void {
  for (const name of ["blocks", "mapped"]) {
    const map = object.map(name);
    const keys: Uint8Array[] = [];
    map.forEachBatch((batch, _values, count) => {
      for (let i = 0; i < count; i++) {
        const at = i * BLOCK_KEY.size;
        if (batch.getUint32(at + BLOCK_KEY.space, true) === space)
          keys.push(new Uint8Array(batch.buffer.slice(at, at + BLOCK_KEY.size)));
      }
    });
    for (const key of keys) map.remove(key);
  }
}
