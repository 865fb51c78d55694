/** bpf(2) itself, for what the libbpf of distributions does not know yet. Source: include/uapi/linux/bpf.h. */

import { arch } from "node:os";

/** __NR_bpf of this machine. */
export const SYS_BPF = arch() === "arm64" ? 280 : 321;

/** enum bpf_cmd */
export const BPF_COMMAND = { objPin: 6, linkCreate: 28 } as const;

/** V8 keeps small arrays in its own heap and may move them; larger ones stay where they are. */
const SMALL = 4096;

/** A copy that the kernel can be given the address of. Keep it alive for the length of the call. */
export function heapBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.max(bytes.length, SMALL));
  copy.set(bytes);
  return copy;
}
