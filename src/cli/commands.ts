/**
 * The table of commands, in the order of the help. A command's file is loaded when it is wanted: `record` would
 * otherwise hold the whole symbolizer in memory, and never use it.
 */

import type { Command } from "./command.ts";

/** By the first word of their names. */
const COMMANDS: { readonly [word: string]: (second?: string) => Promise<readonly Command[]> } = {
  attach: async () => [(await import("./attach.ts")).attach],
  run: async () => [(await import("./run.ts")).run],
  record: async () => {
    (await import("../os/small-memory.ts")).keepYoungGenerationSmall();
    return [(await import("./record.ts")).record];
  },
  prepare: async () => [(await import("./prepare.ts")).prepare],
  report: async () => [(await import("./report.ts")).report],
  symbolize: async (second) => {
    const { symbolizeElf } = await import("./symbolize-elf.ts");
    // Alone: with all the others to be loaded, one stack would take twice as long.
    if (second === "elf") return [symbolizeElf];
    const { symbolizeProcess } = await import("./symbolize-process.ts");
    const { symbolizeKernel } = await import("./symbolize-kernel.ts");
    const { symbolizeText } = await import("./symbolize-text.ts");
    return [symbolizeProcess, symbolizeElf, symbolizeKernel, symbolizeText];
  },
  explain: async () => [(await import("./explain.ts")).explain],
  inspect: async () => (await import("./inspect.ts")).INSPECT_COMMANDS,
  doctor: async () => [(await import("./doctor.ts")).doctor],
  demo: async () => [(await import("./demo.ts")).demo],
};

/** Those whose name begins with this word, or at least those with both words; none when there is no such command. */
export async function commandsNamed(word: string, second?: string): Promise<readonly Command[]> {
  return Object.hasOwn(COMMANDS, word) ? COMMANDS[word](second) : [];
}

export async function allCommands(): Promise<Command[]> {
  return (await Promise.all(Object.values(COMMANDS).map((load) => load()))).flat();
}
