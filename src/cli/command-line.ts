/** The `leakline` command line: finds the command, runs it, and turns what goes wrong into one line and an exit code. */

import { LeaklineError } from "../base/errors.ts";
import { type Command, parseArguments, usageError } from "./command.ts";
import { allCommands, commandsNamed } from "./commands.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { commandHelp, mainHelp } from "./help.ts";
import { flush, print, printError, writeDirectly } from "./output.ts";
import { packageVersion } from "./version.ts";

async function main(words: readonly string[]): Promise<number> {
  const [first, ...rest] = words;
  if (first === "--version") {
    print(`leakline ${packageVersion()}\n`);
    return EXIT.done;
  }
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    print(mainHelp(await allCommands()));
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  // A name may be two words: `symbolize elf`.
  const group = await commandsNamed(first, rest[0]);
  const command = group.find(({ name }) => name === first || name === `${first} ${rest[0]}`);
  if (!command) return helpOnGroup(group, first, rest);
  const given = command.name === first ? rest : rest.slice(1);
  if (given.includes("--help") || given.includes("-h")) {
    print(commandHelp(command));
    return EXIT.done;
  }
  return command.run(parseArguments(command, given));
}

/** `leakline inspect`, without the second word that it needs. */
function helpOnGroup(group: readonly Command[], first: string, rest: readonly string[]): number {
  if (group.length === 0) throw usageError(`${first}: no such command`, "leakline --help lists them");
  if (rest[0] !== "--help" && rest[0] !== "-h") {
    throw usageError(`${[first, ...rest.slice(0, 1)].join(" ")}: one of ${group.map(({ name }) => name).join(", ")}`);
  }
  print(mainHelp(group));
  return EXIT.done;
}

/** Exits when all output has been written. Not left to Node, which waits for whatever else is still open. */
function leave(code: number): void {
  flush(() => process.exit(code));
}

/** Runs a command, and leaves with its exit code. */
export function runCommandLine(words: readonly string[]): void {
  writeDirectly();
  // What ps, pidof and pkill see: under npx there are two processes called node.
  process.title = "leakline";

  main(words).then(leave, (error) => {
    printError(error);
    leave(error instanceof LeaklineError ? exitCodeOf(error.code) : EXIT.failed);
  });
}
