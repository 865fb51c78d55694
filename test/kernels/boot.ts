/** Boots a kernel in QEMU and runs commands in it. */

import { execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, openSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import type { Machine } from "./machines.ts";

/** What the kernel needs to see the file system that QEMU shares. */
const MODULES = ["virtio_pci", "virtio_mmio", "9pnet_virtio", "9p"];

export type Guest = { machine: Machine; kernel: string; root: string; scratch: string };

/** @param kernel folder with /boot and /lib/modules of one kernel. */
export function prepareRamDisk({ kernel, root, scratch }: Guest, commands: readonly string[]): string {
  const disk = join(scratch, "ramdisk");
  for (const name of ["bin", "modules", "proc", "sys", "dev", "root"]) mkdirSync(join(disk, name), { recursive: true });
  copyFileSync(join(root, "bin", "busybox"), join(disk, "bin", "busybox"));
  const version = kernelVersion(kernel);
  execFileSync("depmod", ["-b", kernel, version]);
  modulesInOrder(kernel, version).forEach((path, i) => {
    const target = join(disk, "modules", `${String(i).padStart(2, "0")}-${basename(path).replace(/\.xz$/, "")}`);
    if (path.endsWith(".xz")) writeFileSync(target, execFileSync("xz", ["-dc", path], { maxBuffer: 1 << 28 }));
    else copyFileSync(path, target);
  });
  writeFileSync(join(disk, "init"), initScript(commands));
  chmodSync(join(disk, "init"), 0o755);
  const image = join(scratch, "ramdisk.cpio");
  const names = execFileSync("find", ["."], { cwd: disk });
  execFileSync("cpio", ["-o", "-H", "newc"], {
    cwd: disk,
    input: names,
    stdio: ["pipe", openSync(image, "w"), "ignore"],
  });
  return image;
}

/** Yields the lines of the guest's console until it powers off. */
export async function* boot({ machine, kernel, root }: Guest, ramDisk: string): AsyncGenerator<string> {
  const [program, ...model] = machine.qemu;
  const child = spawn(
    program,
    [
      ...model,
      ...["-m", "2048", "-smp", "2", "-accel", "tcg,thread=multi", "-nographic", "-no-reboot", "-net", "none"],
      ...["-kernel", join(kernel, "boot", `vmlinuz-${kernelVersion(kernel)}`), "-initrd", ramDisk],
      ...["-append", `console=${machine.console} quiet loglevel=3 panic=-1`],
      ...["-virtfs", `local,path=${root},mount_tag=host,security_model=none,readonly=on`],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  try {
    for await (const line of createInterface({ input: child.stdout })) yield line.trimEnd();
  } finally {
    child.kill("SIGKILL");
  }
}

export function kernelVersion(kernel: string): string {
  const image = readdirSync(join(kernel, "boot")).find((name) => name.startsWith("vmlinuz-"));
  if (!image) throw new Error(`${kernel} has no kernel`);
  return image.slice("vmlinuz-".length);
}

function modulesInOrder(kernel: string, version: string): string[] {
  const paths = MODULES.flatMap((name) => {
    const args = ["--set-version", version, "-d", kernel, "--show-depends", name];
    const text = execFileSync("modprobe", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return [...text.matchAll(/^insmod (\S+)/gm)].map(([, path]) => path);
  });
  return [...new Set(paths)];
}

function initScript(commands: readonly string[]): string {
  const mounts = ["tmpfs tmp", "proc proc", "sysfs sys", "devtmpfs dev"].map((mount) => {
    const [type, folder] = mount.split(" ");
    return `/bin/busybox mount -t ${type} ${type} /root/${folder}`;
  });
  return [
    "#!/bin/busybox sh",
    "/bin/busybox mount -t proc proc /proc",
    "for f in /modules/*; do /bin/busybox insmod $f; done",
    "/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=262144,cache=loose host /root",
    ...mounts,
    "/bin/busybox mount -t tracefs tracefs /root/sys/kernel/tracing",
    "export HOME=/tmp PATH=/opt/node/bin:/usr/bin:/bin",
    ...commands.map((command) => `/bin/busybox chroot /root ${command}`),
    "/bin/busybox poweroff -f",
    "",
  ].join("\n");
}
