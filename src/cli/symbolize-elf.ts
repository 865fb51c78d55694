/** `leakline symbolize elf`: addresses of an ELF file. Loads no more than it needs: it may be run once for each stack. */

import { type Command, usageError } from "./command.ts";
import { elfSource } from "./elf-source.ts";
import { answer, SYMBOLIZE_OPTIONS } from "./symbolize.ts";

export const symbolizeElf: Command = {
  name: "symbolize elf",
  summary: "resolve addresses of an ELF file",
  operands: "[ADDRESS…]",
  options: {
    path: { value: "FILE", help: "the ELF file" },
    "file-offset": { help: "addresses are offsets into the file, not virtual addresses" },
    section: { value: "NAME", help: "addresses are offsets into this section; in a .o or .ko, .text by default" },
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["leakline symbolize elf --path ./test_memleak 0x6f2", "a virtual address, as nm and objdump print"],
    ["leakline symbolize elf --path ./test_memleak --file-offset 0x6f2", "an offset into the file"],
    ["leakline symbolize elf --path ./driver.ko --section .init.text 0x18", "an offset into a section"],
  ],
  async run(given) {
    const path = given.text("path");
    if (path === undefined) throw usageError("symbolize elf needs --path FILE");
    const how = { isFileOffset: given.flag("file-offset"), section: given.text("section") };
    if (how.isFileOffset && how.section !== undefined) throw usageError("either --file-offset or --section");
    return answer(given, (options) => elfSource(path, how, options));
  },
};
