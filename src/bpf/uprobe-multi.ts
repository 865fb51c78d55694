/**
 * Uprobes by links of their own kind, by bpf(2) itself: libbpf knows how to since 1.3, which distributions do not have yet.
 *
 * A link can have many places. But it has one, wherever private-pins.ts can hold it: a SIGKILL that strikes while the
 * kernel sets probes makes it fail at the place that it has come to, and those before it in the same link would stay,
 * because it cannot take them back for a task that is being killed. A link of one place is set or is not.
 *
 * Without that file system it has all places of a file: closed one after the other, each link would cost a twentieth of a
 * second, in which the kernel waits until nobody runs the probe any more.
 *
 * Source: include/uapi/linux/bpf.h of Linux 6.6, union bpf_attr, link_create.
 */

import { closeSync } from "node:fs";
import { loadNativeLibrary, type NativeLibrary } from "../os/native.ts";
import { openPrivatePins } from "./private-pins.ts";
import { BPF_COMMAND, heapBytes, SYS_BPF } from "./system-call.ts";

/** enum bpf_attach_type. Of a session (Linux 6.13), the entry's program says whether the return is of interest. */
export const BPF_TRACE_UPROBE_MULTI = 48;
export const BPF_TRACE_UPROBE_SESSION = 57;
const BPF_F_UPROBE_MULTI_RETURN = 1;

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
   * @returns what detaches; or the errno, and nothing is attached.
   */
  attach(
    programFd: number,
    pid: number,
    path: string,
    places: readonly UprobePlace[],
    kind: UprobeKind,
  ): (() => void) | number;
};

export async function loadUprobeMulti(): Promise<UprobeMulti> {
  const libc = await loadNativeLibrary("libc.so.6", "leakline traces on systems with glibc");
  const pins = openPrivatePins(libc);
  const call = libc.bind<(number: number, command: number, attr: Uint8Array, size: number) => number>(
    "long syscall(long number, long command, void *attr, long size)",
  );
  return {
    attach(programFd, pid, path, places, kind) {
      const held: (() => void)[] = [];
      const detach = (): void => {
        for (const letGo of held) letGo();
      };
      for (const group of pins ? places.map((place) => [place]) : [places]) {
        const request = encodeRequest(libc, programFd, pid, path, group, kind);
        const fd = call(SYS_BPF, BPF_COMMAND.linkCreate, request.attr, ATTR.size);
        if (fd < 0) {
          const errno = libc.errno();
          detach();
          return errno;
        }
        const letGo = pins?.hold(fd);
        if (letGo) closeSync(fd);
        held.push(letGo ?? (() => closeSync(fd)));
      }
      return detach;
    },
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
