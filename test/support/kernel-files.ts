/** A kernel and a module small enough to be compiled in a test, laid out as real ones are. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, temporaryDirectory } from "./oracle.ts";

/** What the build needs. */
export const KERNEL_TOOLS = ["gcc", "ld", "nm", "readelf", "addr2line"] as const;

const KERNEL_SOURCE = `
static inline __attribute__((always_inline)) int twice(int x) { return x * 2 + 1; }
#ifdef OTHER_BUILD
__attribute__((noinline)) int vfs_open(int x) { return x ^ 5; }
#endif
__attribute__((noinline)) int vfs_read(int x) {
  return twice(x) * 7;
}
__attribute__((noinline)) int ksys_read(int x) {
  int sum = vfs_read(x);
  return sum + vfs_read(sum);
}
void start_kernel(void) { for (;;) ksys_read(1); }
int jiffies = 1;
`;

/** As arch/x86/kernel/vmlinux.lds.S: at -2 GiB and 16 MiB, with the boundaries as symbols. */
const KERNEL_SCRIPT = `
ENTRY(start_kernel)
SECTIONS {
  . = 0xffffffff81000000;
  .text : { _text = .; _stext = .; *(.text*) _etext = .; }
  .notes : { *(.note.gnu.build-id) }
  .data : { *(.data*) *(.bss*) }
  /DISCARD/ : { *(.comment) *(.note.GNU-stack) *(.eh_frame) *(.note.gnu.property) }
}
`;

const MODULE_SOURCE = `
#define IN(name) __attribute__((noinline, section(name)))
static inline __attribute__((always_inline)) int half(int x) { return x / 2 + 3; }
IN(".init.text") int init_module(void) { return 0; }
#ifdef OTHER_BUILD
IN(".text") int demo_new(int x) { return x ^ 5; }
#endif
IN(".text") static int demo_check(int x) {
  return half(x) * 9;
}
IN(".text") int demo_run(int x) {
  return demo_check(x) + demo_check(x + 1);
}
IN(".text.unlikely") int demo_fail(int x) {
  return half(x) - 11;
}
IN(".text") static int demo_last(int x) { return x ^ 3; }
int (*demo_table[])(int) = { demo_run, demo_fail, demo_last };
__attribute__((used, section(".modinfo"))) static const char info[] =
  "license=GPL\\0srcversion=" SRCVERSION "\\0name=nf_demo";
`;

const FLAGS = ["-g", "-O1", "-ffreestanding", "-fno-pic", "-fno-asynchronous-unwind-tables", "-fcf-protection=none"];

/** Builds `vmlinux` in a directory of its own; `define` makes it another one. Returns its path. */
export function buildKernel(define = "PLAIN"): string {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory, name);
  writeFileSync(at("kernel.c"), KERNEL_SOURCE);
  writeFileSync(at("kernel.lds"), KERNEL_SCRIPT);
  run("gcc", ...FLAGS, "-mcmodel=kernel", `-D${define}`, "-c", "-o", at("kernel.o"), at("kernel.c"));
  run("ld", "-static", "--build-id=sha1", "-T", at("kernel.lds"), "-o", at("vmlinux"), at("kernel.o"));
  return at("vmlinux");
}

/** Builds `nf_demo.ko`. Returns its path. */
export function buildModule(options: { srcversion?: string; define?: string; buildId?: boolean } = {}): string {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory, name);
  writeFileSync(at("demo.c"), MODULE_SOURCE);
  const defines = [`-DSRCVERSION="${options.srcversion ?? "AAAA"}"`, `-D${options.define ?? "PLAIN"}`];
  run("gcc", ...FLAGS, "-mcmodel=kernel", ...defines, "-c", "-o", at("demo.o"), at("demo.c"));
  const identity = options.buildId === false ? [] : ["--build-id=sha1"];
  run("ld", "-r", ...identity, "-o", at("nf_demo.ko"), at("demo.o"));
  return at("nf_demo.ko");
}

/** What /proc/kallsyms would show of a kernel that was moved by `offset`. */
export function kernelSymbols(vmlinux: string, offset: bigint): string {
  return run("nm", "-n", vmlinux).replaceAll(/^[0-9a-f]{16}/gm, (value) =>
    (BigInt(`0x${value}`) + offset).toString(16),
  );
}

/** What it would show of a module whose sections lie at these addresses. */
export function moduleSymbols(path: string, sections: Readonly<Record<string, bigint>>): string {
  const names = new Map<string, string>();
  for (const [, number, name] of run("readelf", "-SW", path).matchAll(/^ +\[ *(\d+)\] (\S+)/gm))
    names.set(number, name);
  let text = "";
  for (const line of run("readelf", "-sW", path).split("\n")) {
    const [, value, , type, bind, , index, name] = line.trim().split(/\s+/);
    const base = sections[names.get(index) ?? ""];
    if (type !== "FUNC" || base === undefined) continue;
    const letter = bind === "GLOBAL" ? "T" : "t";
    text += `${(BigInt(`0x${value}`) + base).toString(16)} ${letter} ${name}\t[nf_demo]\n`;
  }
  return text;
}

/** A file's build ID, as readelf prints it. */
export function readelfBuildId(path: string): string {
  return /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-nW", path))?.[1] ?? "";
}

/** The frames that addr2line prints, innermost first, as `function file:line`. */
export function addr2lineFrames(path: string, address: bigint, section?: string): string[] {
  const where = section === undefined ? [] : ["-j", section];
  const lines = run("addr2line", "-fi", ...where, "-e", path, address.toString(16))
    .trim()
    .split("\n");
  return lines.flatMap((name, i) => (i % 2 ? [] : [`${name} ${lines[i + 1].replace(/ \(discriminator \d+\)$/, "")}`]));
}

/** Size and address of a function, as nm prints them. */
export function symbolOf(path: string, name: string): { address: bigint; size: bigint } {
  const [, address, size] = new RegExp(`^([0-9a-f]+) ([0-9a-f]+) \\w ${name}$`, "m").exec(run("nm", "-S", path)) ?? [];
  return { address: BigInt(`0x${address}`), size: BigInt(`0x${size}`) };
}
