#!/usr/bin/env node
/** The `leakline` command: finds the command, runs it, and turns what goes wrong into one line and an exit code. */

import { LeaklineError } from "../base/errors.ts";
import { parseArguments, usageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { commandHelp, mainHelp } from "./help.ts";
import { print, printError } from "./output.ts";
import { packageVersion } from "./version.ts";

async function main(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === "--version") {
    print(`leakline ${packageVersion()}\n`);
    return EXIT.done;
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    print(mainHelp(COMMANDS));
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  // A name may be two words: `symbolize elf`.
  const command = COMMANDS.find(({ name }) => name === first || name === `${first} ${rest[0]}`);
  if (!command) throw usageError(`${first}: no such command`, "leakline --help lists them");
  const given = command.name === first ? rest : rest.slice(1);
  if (given.includes("--help") || given.includes("-h")) {
    print(commandHelp(command));
    return EXIT.done;
  }
  return command.run(parseArguments(command, given));
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  printError(error);
  process.exitCode = error instanceof LeaklineError ? exitCodeOf(error.code) : EXIT.failed;
}
