/**
 * Keeps links in a bpf file system that is mounted nowhere: only this process has it, by a file descriptor.
 *
 * A link that is held by a file descriptor is taken apart by the task that closes the last one. When that task is being
 * killed, the kernel (6.18) cannot reach the target's memory on its behalf, gives up ("leaking uprobe" in its log), and
 * leaves the breakpoints. What a file system holds is taken apart by a worker of the kernel, which nobody kills: when we
 * remove the file, and just the same when we die. Many links are taken apart side by side, too.
 *
 * Source: fsopen(2), fsconfig(2), fsmount(2); include/uapi/linux/bpf.h of Linux 6.5, BPF_OBJ_PIN with BPF_F_PATH_FD.
 */

import { closeSync } from "node:fs";
import type { NativeLibrary } from "../os/native.ts";
import { BPF_COMMAND, heapBytes, SYS_BPF } from "./system-call.ts";

/** System call numbers; the same on every machine. */
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
/** FSOPEN_CLOEXEC and FSMOUNT_CLOEXEC */
const CLOSE_ON_EXEC = 1;
const FSCONFIG_CMD_CREATE = 6;
const BPF_F_PATH_FD = 1 << 14;

/** Offsets in union bpf_attr, of BPF_OBJ_PIN. */
const ATTR = { pathname: 0, fd: 8, flags: 12, pathFd: 16, size: 20 } as const;

export type PrivatePins = {
  /**
   * Holds a link, too: its file descriptor can be closed afterwards.
   *
   * @returns what lets the link go, or undefined when the kernel does not take it.
   */
  hold(linkFd: number): (() => void) | undefined;
};

/** @returns undefined where such a file system cannot be had: before Linux 6.5, or without CAP_SYS_ADMIN. */
export function openPrivatePins(libc: NativeLibrary): PrivatePins | undefined {
  const mount = mountPrivately(libc);
  if (mount === undefined) return undefined;
  const pin = libc.bind<(number: number, command: number, attr: Uint8Array, size: number) => number>(
    "long syscall(long number, long command, void *attr, long size)",
  );
  const unlink = libc.bind<(folder: number, name: string, flags: number) => number>(
    "int unlinkat(int folder, const char *name, int flags)",
  );
  let next = 0;
  return {
    hold(linkFd) {
      const name = `link${next++}`;
      const path = heapBytes(new TextEncoder().encode(`${name}\0`));
      const attr = new Uint8Array(ATTR.size);
      const view = new DataView(attr.buffer);
      view.setBigUint64(ATTR.pathname, libc.addressOf(path), true);
      view.setUint32(ATTR.fd, linkFd, true);
      view.setUint32(ATTR.flags, BPF_F_PATH_FD, true);
      view.setInt32(ATTR.pathFd, mount, true);
      if (pin(SYS_BPF, BPF_COMMAND.objPin, attr, ATTR.size) < 0) return undefined;
      return () => {
        unlink(mount, name, 0);
      };
    },
  };
}

/** @returns a file descriptor of the file system's root. */
function mountPrivately(libc: NativeLibrary): number | undefined {
  const open = libc.bind<(number: number, name: string, flags: number) => number>(
    "long syscall(long number, const char *name, long flags)",
  );
  const configure = libc.bind<
    (number: number, fd: number, command: number, key: null, value: null, aux: number) => number
  >("long syscall(long number, long fd, long command, void *key, void *value, long aux)");
  const mount = libc.bind<(number: number, fd: number, flags: number, attributes: number) => number>(
    "long syscall(long number, long fd, long flags, long attributes)",
  );
  const context = open(SYS_FSOPEN, "bpf", CLOSE_ON_EXEC);
  if (context < 0) return undefined;
  try {
    if (configure(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, null, null, 0) < 0) return undefined;
    const root = mount(SYS_FSMOUNT, context, CLOSE_ON_EXEC, 0);
    return root < 0 ? undefined : root;
  } finally {
    closeSync(context);
  }
}
