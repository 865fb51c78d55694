/** The table of commands, in the order of the help. */

import { attach } from "./attach.ts";
import type { Command } from "./command.ts";
import { demo } from "./demo.ts";
import { doctor } from "./doctor.ts";
import { explain } from "./explain.ts";
import { INSPECT_COMMANDS } from "./inspect.ts";
import { prepare } from "./prepare.ts";
import { record } from "./record.ts";
import { report } from "./report.ts";
import { symbolizeElf, symbolizeProcess } from "./symbolize.ts";
import { symbolizeKernel } from "./symbolize-kernel.ts";
import { symbolizeText } from "./symbolize-text.ts";

export const COMMANDS: readonly Command[] = [
  attach,
  record,
  prepare,
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
