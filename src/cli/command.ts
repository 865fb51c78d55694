/**
 * What a command is. The table of options in it is the only description there is: parsing and help both come from it.
 */

import { parseArgs } from "node:util";
import { LeaklineError } from "../base/errors.ts";

export type Option = {
  /** For an option that takes a value: what to call it in the help. Without it, the option is a switch. */
  value?: string;
  short?: string;
  /** One line. */
  help: string;
  /** Shown in the help, and returned when the option is not given. */
  default?: string;
  /** May be given several times. */
  multiple?: boolean;
};

export type OptionTable = { readonly [name: string]: Option };

export type Command = {
  /** The word, or words, after `leakline`. */
  name: string;
  /** One line. */
  summary: string;
  /** What stands behind the options, e.g. `PID`. */
  operands: string;
  options: OptionTable;
  /** Command lines with what they do. */
  examples: readonly (readonly [line: string, what: string])[];
  /** @returns the exit code. */
  run(given: Arguments): Promise<number>;
};

/** A parsed command line. */
export class Arguments {
  readonly operands: readonly string[];
  private readonly values: { readonly [name: string]: string | boolean | (string | boolean)[] | undefined };

  constructor(operands: readonly string[], values: Arguments["values"]) {
    this.operands = operands;
    this.values = values;
  }

  flag(name: string): boolean {
    return this.values[name] === true;
  }

  /** The option's value or default; undefined when it has neither. */
  text(name: string): string | undefined {
    const value = this.values[name];
    return typeof value === "string" ? value : undefined;
  }

  /** Of an option that may be given several times. */
  texts(name: string): string[] {
    const value = this.values[name];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  }

  /**
   * A number in [minimum, maximum].
   *
   * @throws LeaklineError `usage`.
   */
  number(name: string, minimum: number, maximum: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text.trim() === "" || !(value >= minimum && value <= maximum)) {
      throw usageError(`--${name} ${text}: a number from ${minimum} to ${maximum} is needed`);
    }
    return value;
  }

  /** As `number`, a whole one. */
  integer(name: string, minimum: number, maximum: number): number | undefined {
    const value = this.number(name, minimum, maximum);
    if (value !== undefined && !Number.isInteger(value))
      throw usageError(`--${name} ${value}: a whole number is needed`);
    return value;
  }
}

export function usageError(message: string, hint?: string): LeaklineError {
  return new LeaklineError("usage", message, { hint });
}

/** @throws LeaklineError `usage` for an option that the command does not have, or one without its value. */
export function parseArguments(command: Command, words: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? ("boolean" as const) : ("string" as const),
        ...(option.short !== undefined && { short: option.short }),
        ...(option.default !== undefined && { default: option.default }),
        ...(option.multiple && { multiple: true }),
      },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
    return new Arguments(positionals, values);
  } catch (cause) {
    // The first sentence; what follows explains itself over several lines.
    const [message] = (cause as Error).message.split(/\.\s/);
    throw new LeaklineError("usage", message, { cause, hint: `leakline ${command.name} --help shows its options` });
  }
}

/** @throws LeaklineError `usage` unless `text` is a PID. */
export function parsePid(text: string): number {
  const pid = Number(text);
  if (!/^\d+$/.test(text) || !(pid > 0 && pid < 2 ** 31))
    throw usageError(`${text}: not a PID`, "a PID is a whole number, see ps or pidof");
  return pid;
}
