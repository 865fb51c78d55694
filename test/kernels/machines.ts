/** The virtual machines. */

export type Machine = {
  name: string;
  /** As Debian, QEMU, GCC and npm call the architecture. */
  debian: "amd64" | "arm64";
  qemu: readonly string[];
  compiler: string;
  npm: "x64" | "arm64";
  console: string;
  /** Package that depends on the kernel's, or is it. */
  kernel: string;
  /** Of the test programs: where stacks are walked by unwind tables they need no frame pointers. */
  flags: readonly string[];
};

const X86: Omit<Machine, "name" | "kernel"> = {
  debian: "amd64",
  qemu: ["qemu-system-x86_64", "-cpu", "max"],
  compiler: "gcc",
  npm: "x64",
  console: "ttyS0",
  flags: ["-O0", "-fomit-frame-pointer"],
};

const ARM: Omit<Machine, "name" | "kernel"> = {
  debian: "arm64",
  qemu: ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72"],
  compiler: "aarch64-linux-gnu-gcc",
  npm: "arm64",
  console: "ttyAMA0",
  flags: ["-O0", "-fno-omit-frame-pointer"],
};

export const MACHINES: readonly Machine[] = [
  // Single probes, by perf.
  { ...X86, name: "x86_64-6.1", kernel: "linux-image-amd64" },
  { ...ARM, name: "arm64-6.1", kernel: "linux-image-arm64" },
  // Links of probes, but no sessions.
  { ...X86, name: "x86_64-6.12", kernel: "linux-image-6.12-amd64" },
  { ...ARM, name: "arm64-6.12", kernel: "linux-image-6.12-arm64" },
];
