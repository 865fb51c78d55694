/**
 * Many uprobes in one link, by bpf(2) itself: libbpf knows how to since 1.3, which distributions do not have yet.
 *
 * One link is attached and, what matters more, detached at once. Single probes are detached one after the other, and
 * for each the kernel waits a tenth of a second until nobody runs it any more.
 *
 * Source: include/uapi/linux/bpf.h of Linux 6.6, union bpf_attr, link_create.
 */

import { arch } from "node:os";
import { loadNativeLibrary, type NativeLibrary } from "../os/native.ts";

/** enum bpf_attach_type. Of a session (Linux 6.13), the entry's program says whether the return is of interest. */
export const BPF_TRACE_UPROBE_MULTI = 48;
export const BPF_TRACE_UPROBE_SESSION = 57;
/** enum bpf_cmd */
const BPF_LINK_CREATE = 28;
const BPF_F_UPROBE_MULTI_RETURN = 1;
/** __NR_bpf */
const SYSTEM_CALL: { readonly [arch: string]: number } = { x64: 321, arm64: 280 };

/** Offsets in union bpf_attr. */
const ATTR = {
  programFd: 0,
  attachType: 8,
  path: 16,
  offsets: 24,
  cookies: 40,
  count: 48,
  flags: 52,
  pid: 56,
  size: 64,
} as const;

/** A place in a file, and what the program is told about it. */
export type UprobePlace = {
  /** File offset of the instruction. */
  offset: number;
  /** What `bpf_get_attach_cookie` gives there, 64 bits. */
  cookie: bigint;
};

/** When a program runs: at the place, when the function that begins there returns, or both (Linux 6.13). */
export type UprobeKind = "entry" | "return" | "session";

export type UprobeMulti = {
  /**
   * @param programFd of a program loaded with expected_attach_type BPF_TRACE_UPROBE_MULTI, or that of a session.
   * @returns the link's file descriptor, or a negative number: then `errno` says why.
   */
  attach(programFd: number, pid: number, path: string, places: readonly UprobePlace[], kind: UprobeKind): number;
  errno(): number;
};

export async function loadUprobeMulti(): Promise<UprobeMulti> {
  const libc = await loadNativeLibrary("libc.so.6", "leakline traces on systems with glibc");
  const call = libc.bind<(number: number, command: number, attr: Uint8Array, size: number) => number>(
    "long syscall(long number, long command, void *attr, long size)",
  );
  return {
    attach(programFd, pid, path, places, kind) {
      const request = encodeRequest(libc, programFd, pid, path, places, kind);
      return call(SYSTEM_CALL[arch()], BPF_LINK_CREATE, request.attr, ATTR.size);
    },
    errno: libc.errno,
  };
}

/** The attributes and, kept alive beside them, what they point to. */
function encodeRequest(
  libc: NativeLibrary,
  programFd: number,
  pid: number,
  path: string,
  places: readonly UprobePlace[],
  kind: UprobeKind,
): { attr: Uint8Array; pointedTo: Uint8Array[] } {
  const pathBytes = heapBytes(new TextEncoder().encode(`${path}\0`));
  const offsets = heapBytes(new Uint8Array(BigUint64Array.from(places, ({ offset }) => BigInt(offset)).buffer));
  const cookies = heapBytes(new Uint8Array(BigUint64Array.from(places, ({ cookie }) => cookie).buffer));
  const attr = new Uint8Array(ATTR.size);
  const view = new DataView(attr.buffer);
  view.setUint32(ATTR.programFd, programFd, true);
  view.setUint32(ATTR.attachType, kind === "session" ? BPF_TRACE_UPROBE_SESSION : BPF_TRACE_UPROBE_MULTI, true);
  view.setBigUint64(ATTR.path, libc.addressOf(pathBytes), true);
  view.setBigUint64(ATTR.offsets, libc.addressOf(offsets), true);
  view.setBigUint64(ATTR.cookies, libc.addressOf(cookies), true);
  view.setUint32(ATTR.count, places.length, true);
  view.setUint32(ATTR.flags, kind === "return" ? BPF_F_UPROBE_MULTI_RETURN : 0, true);
  view.setUint32(ATTR.pid, pid, true);
  return { attr, pointedTo: [pathBytes, offsets, cookies] };
}

/** V8 keeps small arrays in its own heap and may move them; larger ones stay where they are. */
const SMALL = 4096;

function heapBytes(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.max(bytes.length, SMALL));
  copy.set(bytes);
  return copy;
}
