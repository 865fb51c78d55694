import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  addr2lineFrames,
  buildKernel,
  buildModule,
  KERNEL_TOOLS,
  kernelSymbols,
  moduleSymbols,
  readelfBuildId,
  symbolOf,
} from "../../test/support/kernel-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { toSignedNumber } from "../base/address.ts";
import { parseKallsyms } from "../process/kallsyms.ts";
import type { Frame } from "./frame.ts";
import { Kernel, type KernelSources } from "./kernel.ts";
import { localFiles } from "./local/local-files.ts";

/** What KASLR may move a kernel by: a multiple of 2 MiB (Documentation/x86/x86_64/mm.rst). */
const OFFSET = 0x1ce00000n;
/** Where the module's sections are loaded; in the file they all begin at 0. */
const SECTIONS = { ".text": 0xffffffffc0100000n, ".text.unlikely": 0xffffffffc0104000n };

function kernel(kallsyms: string | undefined, sources: Partial<KernelSources> = {}): Kernel {
  return new Kernel({
    kallsyms: kallsyms === undefined ? undefined : parseKallsyms("kallsyms", new TextEncoder().encode(kallsyms)),
    kallsymsProblem: undefined,
    buildId: undefined,
    kaslrOffset: undefined,
    files: localFiles({}),
    imagePaths: [],
    modulePaths: () => [],
    loadedModule: () => undefined,
    ...sources,
  });
}

/** As `addr2lineFrames` gives them. */
function summary(frames: readonly Frame[]): string[] {
  return frames.map(({ symbol, file, line }) => `${symbol} ${file}:${line}`);
}

/** Every instruction of the functions must resolve as addr2line does; returns how many inlined frames there were. */
function compareAll(
  resolve: (offset: bigint) => Frame[],
  path: string,
  functions: readonly string[],
  section?: string,
): number {
  let inlined = 0;
  for (const name of functions) {
    const { address, size } = symbolOf(path, name);
    for (let at = address; at < address + size; at++) {
      const frames = resolve(at);
      expect(summary(frames), `${name}+${at - address}`).toEqual(addr2lineFrames(path, at, section));
      expect(frames.at(-1)).toMatchObject({ symbol: name, offset: Number(at - address), size: Number(size) });
      inlined += frames.length - 1;
    }
  }
  return inlined;
}

describe("a vmlinux", () => {
  test("answers for a kernel that KASLR moved, with inlined functions", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const path = buildKernel();
    const moved = kernel(kernelSymbols(path, OFFSET), { imagePaths: [path], buildId: readelfBuildId(path) });
    const resolve = (address: bigint): Frame[] => moved.resolve(address + OFFSET, false);
    expect(compareAll(resolve, path, ["vfs_read", "ksys_read", "start_kernel"])).toBeGreaterThan(0);
    expect(moved.problems()).toEqual([]);
    const { address } = symbolOf(path, "vfs_read");
    expect(moved.resolve(address + OFFSET, false).at(-1)).toMatchObject({
      address: address + OFFSET,
      module: "[kernel]",
      buildId: readelfBuildId(path),
      moduleAddress: toSignedNumber(address),
    });
  });

  test("is used with an offset that the user gives, without any kallsyms", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const path = buildKernel();
    const moved = kernel(undefined, { imagePaths: [path], kaslrOffset: Number(OFFSET) });
    const resolve = (address: bigint): Frame[] => moved.resolve(address + OFFSET, false);
    compareAll(resolve, path, ["vfs_read", "ksys_read"]);
  });

  test("without offset and kallsyms is not used: where it was loaded is not known", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const lost = kernel(undefined, { imagePaths: [buildKernel()] });
    const [frame] = lost.resolve(0xffffffff81000010n, false);
    expect(frame).toEqual({
      address: 0xffffffff81000010n,
      module: "[kernel]",
      inlined: false,
      reason: expect.stringContaining("--kaslr-offset"),
    });
  });

  test("a return address behind a call that is the last instruction belongs to its caller", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const path = buildKernel();
    const moved = kernel(kernelSymbols(path, OFFSET), { imagePaths: [path] });
    const { address, size } = symbolOf(path, "ksys_read");
    const end = address + size + OFFSET;
    expect(moved.resolve(end, true).at(-1)).toMatchObject({ address: end, symbol: "ksys_read", offset: Number(size) });
  });

  test("with another build ID is refused, and the name comes from kallsyms", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const [path, other] = [buildKernel(), buildKernel("OTHER_BUILD")];
    const moved = kernel(kernelSymbols(path, OFFSET), { imagePaths: [other], buildId: readelfBuildId(path) });
    const { address } = symbolOf(path, "ksys_read");
    const frames = moved.resolve(address + OFFSET + 2n, false);
    expect(frames).toEqual([
      {
        address: address + OFFSET + 2n,
        module: "[kernel]",
        symbol: "ksys_read",
        offset: 2,
        size: expect.any(Number),
        inlined: false,
        symbolSource: "kallsyms",
        reason: expect.stringContaining(`has build ID ${readelfBuildId(other)}, the kernel ${readelfBuildId(path)}`),
      },
    ]);
    expect(moved.problems()).toEqual([frames[0].reason]);
  });

  test("that has other functions than a saved kallsyms is refused, as is another offset", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const [path, other] = [buildKernel(), buildKernel("OTHER_BUILD")];
    const symbols = kernelSymbols(path, OFFSET);
    const { address } = symbolOf(path, "start_kernel");
    for (const sources of [{ imagePaths: [other] }, { imagePaths: [path], kaslrOffset: Number(OFFSET) + 0x10 }]) {
      const frames = kernel(symbols, sources).resolve(address + OFFSET, false);
      expect(frames).toHaveLength(1);
      expect(frames[0]).toMatchObject({ symbol: "start_kernel", reason: expect.stringContaining("of another kernel") });
      expect(frames[0].line).toBeUndefined();
    }
  });

  test("is found behind one that is refused and one that is no ELF file", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const [path, other] = [buildKernel(), buildKernel("OTHER_BUILD")];
    const noise = join(temporaryDirectory(), "vmlinux");
    writeFileSync(noise, "MZ this is a bzImage");
    const imagePaths = ["/no/such/vmlinux", noise, other, path];
    const moved = kernel(kernelSymbols(path, OFFSET), { imagePaths, buildId: readelfBuildId(path) });
    compareAll((address) => moved.resolve(address + OFFSET, false), path, ["ksys_read"]);
  });
});

test("kallsyms alone names functions, data, eBPF programs and code of the kernel's own making", () => {
  const symbols = kernel(
    `ffffffff81000000 T _stext
ffffffff81000000 T first
ffffffff81000100 t _RNvCs1234_7mycrate3foo
ffffffff82000000 D jiffies
ffffffffc0200000 t bpf_prog_6deef7357e7b4530_sched\t[bpf]
ffffffffc0201000 t ftrace_trampoline\t[__builtin__ftrace]
`,
  );
  expect(symbols.resolve(0xffffffff81000008n, false)).toEqual([
    {
      address: 0xffffffff81000008n,
      module: "[kernel]",
      symbol: "_stext",
      aliases: ["first"],
      offset: 8,
      size: 0x100,
      inlined: false,
      symbolSource: "kallsyms",
      reason: expect.stringContaining("--vmlinux"),
    },
  ]);
  // Rust RFC 2603: crate root `mycrate`, then `foo`.
  expect(symbols.resolve(0xffffffff81000104n, false)[0].symbol).toBe("mycrate::foo");
  expect(symbols.resolve(0xffffffffc0200020n, false)[0]).toMatchObject({
    symbol: "bpf_prog_6deef7357e7b4530_sched",
    module: "[bpf]",
    reason: expect.stringContaining("eBPF"),
  });
  expect(symbols.resolve(0xffffffffc0201020n, false)[0]).toMatchObject({ module: "[__builtin__ftrace]" });
  const [unknown] = symbols.resolve(0x1234n, false);
  expect(unknown).toEqual({ address: 0x1234n, module: "[kernel]", inlined: false, reason: expect.any(String) });
});

test("when kallsyms cannot be read, the reason is that of every address", () => {
  const hidden = kernel(undefined, { kallsymsProblem: "the kernel hides its addresses (run as root)" });
  expect(hidden.resolve(0xffffffff81000000n, false)[0].reason).toBe("the kernel hides its addresses (run as root)");
});

test("a damaged line of kallsyms costs its own symbol, and vmlinux makes up for it", (context) => {
  needTools(context, ...KERNEL_TOOLS);
  const path = buildKernel();
  const damaged = kernelSymbols(path, OFFSET).replace(" T ksys_read", " T");
  const { address } = symbolOf(path, "ksys_read");
  const alone = kernel(damaged);
  expect(alone.resolve(address + OFFSET, false)[0]).toMatchObject({ reason: expect.stringContaining("damaged") });
  expect(alone.resolve(address + OFFSET, false)[0].symbol).toBeUndefined();
  expect(alone.problems()).toEqual([expect.stringMatching(/^kallsyms: line \d+ is damaged$/)]);
  const both = kernel(damaged, { imagePaths: [path] });
  expect(both.resolve(address + OFFSET, false)[0]).toMatchObject({ symbol: "ksys_read", line: expect.any(Number) });
});

describe("a module", () => {
  const symbolsOf = (path: string): string => `ffffffff81000000 T _stext\n${moduleSymbols(path, SECTIONS)}`;

  test.for([
    ["as it is", undefined, ""],
    ["compressed by xz", "xz", ".xz"],
    ["compressed by zstd", "zstd", ".zst"],
    ["compressed by gzip", "gzip", ".gz"],
  ] as const)("%s, gives lines in each of its sections, without any vmlinux", ([_how, tool, ending], context) => {
    needTools(context, ...KERNEL_TOOLS, ...(tool ? [tool] : []));
    const path = buildModule();
    // Decided by the bytes, not by the name.
    const shipped = join(temporaryDirectory(), "nf_demo.ko");
    if (tool) {
      run(tool, "-qk", path);
      renameSync(`${path}${ending}`, shipped);
    } else writeFileSync(shipped, readFileSync(path));
    const demo = kernel(symbolsOf(path), { modulePaths: () => [shipped] });
    const resolveIn =
      (section: keyof typeof SECTIONS) =>
      (offset: bigint): Frame[] =>
        demo.resolve(SECTIONS[section] + offset, false);
    const inlined = compareAll(resolveIn(".text"), path, ["demo_check", "demo_run", "demo_last"], ".text");
    compareAll(resolveIn(".text.unlikely"), path, ["demo_fail"], ".text.unlikely");
    expect(inlined).toBeGreaterThan(0);
    expect(demo.problems()).toEqual([]);
    const { address } = symbolOf(path, "demo_fail");
    expect(demo.resolve(SECTIONS[".text.unlikely"] + address, false).at(-1)).toMatchObject({
      module: "[nf_demo]",
      section: ".text.unlikely",
      moduleAddress: Number(address),
      buildId: readelfBuildId(path),
    });
  });

  test("is placed by the section addresses of sysfs where kallsyms has no symbol of a section", (context) => {
    needTools(context, ...KERNEL_TOOLS);
    const path = buildModule();
    const few = symbolsOf(path).replace(/^.*demo_fail.*\n/m, "");
    const { address } = symbolOf(path, "demo_fail");
    const wanted = SECTIONS[".text.unlikely"] + address;
    expect(kernel(few, { modulePaths: () => [path] }).resolve(wanted, false)[0].symbol).toBeUndefined();
    const sections = new Map(Object.entries(SECTIONS).map(([name, base]) => [name, toSignedNumber(base)]));
    // Thrown away after loading: whatever lies there now is not the module's.
    sections.set(".init.text", toSignedNumber(wanted));
    const demo = kernel(few, {
      modulePaths: () => [path],
      loadedModule: (name) => ({ name, sections, buildId: readelfBuildId(path), srcversion: undefined }),
    });
    expect(summary(demo.resolve(wanted, false))).toEqual(addr2lineFrames(path, address, ".text.unlikely"));
  });

  test.for([
    ["another build ID", {}, (path: string) => ({ buildId: readelfBuildId(path), srcversion: undefined })],
    ["another srcversion", { buildId: false }, () => ({ buildId: undefined, srcversion: "BBBB" })],
    ["functions elsewhere", { define: "OTHER_BUILD" }, () => ({ buildId: undefined, srcversion: undefined })],
  ] as const)(
    "of another version is refused by %s, and kallsyms names the function",
    ([how, options, known], context) => {
      needTools(context, ...KERNEL_TOOLS);
      const path = buildModule();
      const other = how === "another build ID" ? buildModule({ define: "OTHER_BUILD" }) : buildModule(options);
      const demo = kernel(symbolsOf(path), {
        modulePaths: () => [other],
        loadedModule: (name) => ({ name, sections: new Map(), ...known(path) }),
      });
      const { address } = symbolOf(path, "demo_run");
      const frames = demo.resolve(SECTIONS[".text"] + address + 1n, false);
      expect(frames).toEqual([
        {
          address: SECTIONS[".text"] + address + 1n,
          module: "[nf_demo]",
          symbol: "demo_run",
          offset: 1,
          size: expect.any(Number),
          inlined: false,
          symbolSource: "kallsyms",
          reason: expect.stringContaining(`${other} is another version`),
        },
      ]);
    },
  );

  test("with its debug information is preferred to one without, whatever their order", (context) => {
    needTools(context, ...KERNEL_TOOLS, "objcopy");
    const path = buildModule();
    const stripped = join(temporaryDirectory(), "nf_demo.ko");
    run("objcopy", "--strip-debug", path, stripped);
    const { address } = symbolOf(path, "demo_run");
    for (const paths of [
      [stripped, path],
      [path, stripped],
    ]) {
      const demo = kernel(symbolsOf(path), { modulePaths: () => paths });
      expect(summary(demo.resolve(SECTIONS[".text"] + address, false))).toEqual(
        addr2lineFrames(path, address, ".text"),
      );
    }
    const alone = kernel(symbolsOf(path), { modulePaths: () => [stripped] });
    expect(alone.resolve(SECTIONS[".text"] + address, false)[0]).toMatchObject({
      symbol: "demo_run",
      reason: expect.stringContaining("no debug information"),
    });
  });

  test("whose file is missing, damaged or something else keeps its names", (context) => {
    needTools(context, ...KERNEL_TOOLS, "xz");
    const path = buildModule();
    run("xz", "-qk", path);
    const cut = join(temporaryDirectory(), "nf_demo.ko.xz");
    writeFileSync(cut, readFileSync(`${path}.xz`).subarray(0, -20));
    const { address } = symbolOf(path, "demo_run");
    for (const [file, reason] of [
      ["/no/such/nf_demo.ko", "--module-dir"],
      [cut, "xz"],
      ["/bin/sh", "not a kernel module"],
      ["/etc/passwd", "not an ELF file"],
    ]) {
      const demo = kernel(symbolsOf(path), { modulePaths: () => [file] });
      expect(demo.resolve(SECTIONS[".text"] + address, false)).toEqual([
        expect.objectContaining({ symbol: "demo_run", module: "[nf_demo]", reason: expect.stringContaining(reason) }),
      ]);
    }
  });
});

test("many addresses at once, of the kernel, a module and nowhere, keep their order", (context) => {
  needTools(context, ...KERNEL_TOOLS);
  const [image, module] = [buildKernel(), buildModule()];
  const both = kernel(kernelSymbols(image, OFFSET) + moduleSymbols(module, SECTIONS), {
    imagePaths: [image],
    modulePaths: (name) => (name === "nf_demo" ? [module] : []),
  });
  const read = symbolOf(image, "vfs_read").address;
  const check = symbolOf(module, "demo_check").address;
  const addresses = [SECTIONS[".text"] + check, 0x10n, read + OFFSET, SECTIONS[".text"] + check];
  const answers = both.resolveAll(addresses, false);
  expect(answers.map((frames) => frames[0].address)).toEqual(addresses);
  expect(summary(answers[0])).toEqual(addr2lineFrames(module, check, ".text"));
  expect(answers[1][0].symbol).toBeUndefined();
  expect(summary(answers[2])).toEqual(addr2lineFrames(image, read));
  expect(answers[3]).toEqual(answers[0]);
});
