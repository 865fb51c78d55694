/** The table of commands, in the order of the help. */

import { attach } from "./attach.ts";
import type { Command } from "./command.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { explain } from "./explain.ts";
import { INSPECT_COMMANDS } from "./inspect.ts";
import { record } from "./record.ts";
import { report } from "./report.ts";
import { symbolizeElf } from "./symbolize-elf.ts";
import { symbolizeKernel } from "./symbolize-kernel.ts";
import { symbolizeProcess } from "./symbolize-process.ts";
import { symbolizeText } from "./symbolize-text.ts";

export const COMMANDS: readonly Command[] = [
  attach,
  record,
  report,
  symbolizeProcess,
  symbolizeElf,
  symbolizeKernel,
  symbolizeText,
  explain,
  ...INSPECT_COMMANDS,
  doctor,
  demo,
];
