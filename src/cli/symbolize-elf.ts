/** `leakline symbolize elf`: addresses of an ELF file. Loads no more than it needs: it may be run once for each stack. */

import { openLocalModule } from "../symbolize/local/local-module.ts";
import { answersFrom } from "./answers.ts";
import { type Arguments, type Command, usageError } from "./command.ts";
import { elfSource } from "./elf-source.ts";
import { EXIT } from "./exit-codes.ts";
import { answer, SYMBOLIZE_OPTIONS } from "./symbolize.ts";

/** Each takes memory of its own. */
const MAX_THREADS = 8;

export const symbolizeElf: Command = {
  name: "symbolize elf",
  summary: "resolve addresses of an ELF file",
  operands: "[ADDRESS…]",
  options: {
    path: { value: "FILE", help: "the ELF file" },
    "file-offset": { help: "addresses are offsets into the file, not virtual addresses" },
    index: { help: "look up all code of FILE and keep it, so that any address is found at once later" },
    section: { value: "NAME", help: "addresses are offsets into this section; in a .o or .ko, .text by default" },
    threads: { value: "N", help: "threads that may work on many addresses", default: "1" },
    ...SYMBOLIZE_OPTIONS,
  },
  examples: [
    ["leakline symbolize elf --path ./test_memleak 0x6f2", "a virtual address, as nm and objdump print"],
    ["leakline symbolize elf --path ./test_memleak --file-offset 0x6f2", "an offset into the file"],
    ["leakline symbolize elf --path ./server --index", "once; from then on any of its addresses takes milliseconds"],
    ["leakline symbolize elf --path ./driver.ko --section .init.text 0x18", "an offset into a section"],
  ],
  async run(given) {
    const path = given.text("path");
    if (path === undefined) throw usageError("symbolize elf needs --path FILE");
    const how = { isFileOffset: given.flag("file-offset"), section: given.text("section") };
    if (how.isFileOffset && how.section !== undefined) throw usageError("either --file-offset or --section");
    if (given.flag("index")) indexElf(given, path);
    if (given.flag("index") && given.operands.length === 0) return EXIT.done;
    const threads = given.number("threads", 1, MAX_THREADS) ?? 1;
    return answer(given, (options) => elfSource(path, how, { ...options, threads }));
  },
};

/** @throws LeaklineError as `Module.keepWhole`. */
function indexElf(given: Arguments, path: string): void {
  const module = openLocalModule(path, given.texts("debug-dir"), undefined, answersFrom(given));
  try {
    module.keepWhole();
  } finally {
    module.close();
  }
}
