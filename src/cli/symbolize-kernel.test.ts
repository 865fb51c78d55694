import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { expect, type TestContext, test, vi } from "vitest";
import {
  addr2lineFrames,
  buildKernel,
  buildModule,
  KERNEL_TOOLS,
  kernelSymbols,
  moduleSymbols,
  symbolOf,
} from "../../test/support/kernel-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { parseArguments } from "./command.ts";
import { symbolizeKernel } from "./symbolize-kernel.ts";

/** Runs the command; returns what it printed on stdout and stderr. */
async function leakline(...words: string[]): Promise<{ out: string; notes: string }> {
  const written = { out: "", notes: "" };
  const into = (key: "out" | "notes") => (text: string | Uint8Array) => {
    written[key] += typeof text === "string" ? text : Buffer.from(text).toString("utf8");
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, "write").mockImplementation(into("out")),
    vi.spyOn(process.stderr, "write").mockImplementation(into("notes")),
  ];
  try {
    expect(await symbolizeKernel.run(parseArguments(symbolizeKernel, words))).toBe(0);
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return written;
}

const OFFSET = 0x2000000n;
const TEXT = 0xffffffffc0100000n;

/** A saved kallsyms, the vmlinux under a debug directory, and the module compressed in a folder of its own. */
function prepare(context: TestContext) {
  needTools(context, ...KERNEL_TOOLS, "xz");
  const directory = temporaryDirectory();
  const [vmlinux, module] = [buildKernel(), buildModule()];
  const kallsyms = join(directory, "kallsyms");
  writeFileSync(kallsyms, kernelSymbols(vmlinux, OFFSET) + moduleSymbols(module, { ".text": TEXT }));
  mkdirSync(join(directory, "modules"));
  run("xz", "-qk", module);
  renameSync(`${module}.xz`, join(directory, "modules", "nf-demo.ko.xz"));
  return { directory, kallsyms, vmlinux, module, modules: join(directory, "modules") };
}

test("frames of the kernel and of a module, as text", async (context) => {
  const { kallsyms, vmlinux, module, modules } = prepare(context);
  const read = symbolOf(vmlinux, "ksys_read").address;
  const check = symbolOf(module, "demo_run").address;
  const addresses = [read + OFFSET + 1n, TEXT + check, 0xffffffff90000000n].map((address) => address.toString(16));
  const { out, notes } = await leakline(
    ...["--kallsyms", kallsyms, "--vmlinux", vmlinux, "--module-dir", modules],
    ...addresses,
  );
  const [first, second, third, ...more] = out.split("\n");
  const [kernelFrame] = addr2lineFrames(vmlinux, read + 1n);
  const [moduleFrame] = addr2lineFrames(module, check, ".text");
  const [kernelName, kernelPlace] = kernelFrame.split(" ");
  const [moduleName, modulePlace] = moduleFrame.split(" ");
  expect(first).toMatch(`0x${addresses[0]}: ${kernelName} @ 0x${read.toString(16)}+0x1 [kernel] ${kernelPlace}`);
  expect(second).toMatch(`0x${addresses[1]}: ${moduleName} @ 0x${addresses[1]}+0x0 [nf_demo] ${modulePlace}`);
  expect(third).toMatch(`0x${addresses[2]}: <no-symbol> [kernel] (`);
  expect(more).toEqual([""]);
  expect(notes).toBe("");
});

test.for([
  ["Debian's", `boot/vmlinux-${release()}`],
  ["Fedora's", `lib/modules/${release()}/vmlinux`],
])("vmlinux is found at %s place under a debug directory, and said as JSON", async ([_whose, place], context) => {
  const { directory, kallsyms, vmlinux } = prepare(context);
  const path = join(directory, "debug", place);
  mkdirSync(join(path, ".."), { recursive: true });
  renameSync(vmlinux, path);
  const address = (symbolOf(path, "vfs_read").address + OFFSET).toString(16);
  const { out } = await leakline("--json", "--kallsyms", kallsyms, "--debug-dir", join(directory, "debug"), address);
  const { version, kind, addresses } = JSON.parse(out);
  expect({ version, kind }).toEqual({ version: 1, kind: "symbols" });
  expect(addresses[0].frames.at(-1)).toMatchObject({
    symbol: "vfs_read",
    module: "[kernel]",
    line: expect.any(Number),
    lineSource: expect.stringContaining(path),
  });
});

test("an offset is enough with a vmlinux, and refused without", async (context) => {
  const { vmlinux } = prepare(context);
  const address = (symbolOf(vmlinux, "vfs_read").address + OFFSET).toString(16);
  const { out } = await leakline("--kaslr-offset", OFFSET.toString(16), "--vmlinux", vmlinux, address);
  expect(out).toContain("vfs_read @");
  for (const words of [
    ["--kaslr-offset", "1000", address],
    ["--kaslr-offset", "12x", "--vmlinux", vmlinux, address],
  ])
    await expect(leakline(...words)).rejects.toMatchObject({ code: "usage" });
});

test("files that were named and are not there, or are something else, are errors", async (context) => {
  const { kallsyms, vmlinux } = prepare(context);
  await expect(leakline("--kallsyms", "/no/such/file", "81")).rejects.toMatchObject({ code: "not-found" });
  await expect(leakline("--kallsyms", vmlinux, "81")).rejects.toMatchObject({ code: "malformed" });
  const words = ["--kallsyms", kallsyms, "--vmlinux", "/no/such/vmlinux", "81"];
  await expect(leakline(...words)).rejects.toMatchObject({ code: "not-found" });
});

test("the kernel that runs names its own functions, or says why not", async (context) => {
  needTools(context, "awk");
  const line = run("awk", '$2 == "T" && $3 == "do_exit"', "/proc/kallsyms").trim();
  const [address] = line === "" ? ["0000000000000000"] : line.split(" ");
  const { out } = await leakline(address);
  if (/^0+$/.test(address)) expect(out).toMatch(/kptr_restrict|CONFIG_KALLSYMS|permission/);
  else expect(out).toContain(`0x${address}: do_exit @`);
});
