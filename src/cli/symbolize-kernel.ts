/** `leakline symbolize kernel`: addresses of the Linux kernel and its modules to function, file and line. */

import { parseHexAddress, toSignedNumber } from "../base/address.ts";
import { kernelSource } from "./address-source.ts";
import { type Command, usageError } from "./command.ts";
import { answer, SYMBOLIZE_OPTIONS } from "./symbolize.ts";

export const symbolizeKernel: Command = {
  name: "symbolize kernel",
  summary: "resolve addresses of the kernel and its modules",
  operands: "[ADDRESS…]",
  options: {
    kallsyms: { value: "FILE", help: "a saved /proc/kallsyms: the addresses are of that boot, not of this one" },
    "kaslr-offset": { value: "OFFSET", help: "hexadecimal: how far that boot moved its kernel; needs --vmlinux" },
    vmlinux: { value: "FILE", help: "the kernel's ELF file; default: where distributions put it" },
    "module-dir": { value: "DIR", help: "look for modules (.ko, also .xz, .zst, .gz) below DIR first", multiple: true },
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["sudo leakline symbolize kernel 0xffffffff812a4e10", "an address of the kernel that runs"],
    [
      "leakline symbolize kernel --kallsyms crash.kallsyms --vmlinux ./vmlinux 0xffffffffa3e012b4",
      "an address of another machine, with the symbols that were saved there",
    ],
    [
      "leakline symbolize kernel --vmlinux ./vmlinux --kaslr-offset 0x1ce00000 0xffffffff9de012b4",
      "the offset from a crash report, and no symbols",
    ],
  ],
  async run(given) {
    const vmlinux = given.text("vmlinux");
    const text = given.text("kaslr-offset");
    const offset = text === undefined ? undefined : parseHexAddress(text);
    if (text !== undefined && offset === undefined)
      throw usageError(`--kaslr-offset ${text}: not a hexadecimal number`);
    if (offset !== undefined && vmlinux === undefined)
      throw usageError("--kaslr-offset needs --vmlinux FILE", "it tells where that file was loaded");
    const kernel = {
      kallsyms: given.text("kallsyms"),
      kaslrOffset: offset === undefined ? undefined : toSignedNumber(offset),
      vmlinux,
      moduleDirectories: given.texts("module-dir"),
    };
    return answer(given, (options) => kernelSource(kernel, options));
  },
};
