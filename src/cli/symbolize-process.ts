/** `leakline symbolize process`: absolute addresses of a running process. */

import { processSource } from "./address-source.ts";
import { type Command, parsePid, usageError } from "./command.ts";
import { answer, SYMBOLIZE_OPTIONS } from "./symbolize.ts";

export const symbolizeProcess: Command = {
  name: "symbolize process",
  summary: "resolve absolute addresses of a running process",
  operands: "[ADDRESS…]",
  options: { pid: { value: "PID", short: "p", help: "the process" }, ...SYMBOLIZE_OPTIONS },
  examples: [
    ["sudo leakline symbolize process --pid 22487 0x56076afcb6f2", "an address as the process has it"],
    ["cat addresses | sudo leakline symbolize process --pid 22487", "many, from stdin"],
  ],
  async run(given) {
    const text = given.text("pid");
    if (text === undefined) throw usageError("symbolize process needs --pid PID");
    const pid = parsePid(text);
    return answer(given, (options) => processSource(pid, options));
  },
};
