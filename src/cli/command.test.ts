/** Parsing of command lines, and the help, which come from the same tables. */

import { describe, expect, test } from "vitest";
import { LeaklineError } from "../base/errors.ts";
import { parseAddresses } from "./addresses.ts";
import { type Command, parseArguments, parsePid } from "./command.ts";
import { allCommands, commandsNamed } from "./commands.ts";
import { EXIT_MEANINGS } from "./exit-codes.ts";
import { commandHelp, mainHelp } from "./help.ts";

const COMMANDS = await allCommands();

const CUT: Command = {
  name: "cut",
  summary: "cuts",
  operands: "FILE",
  options: {
    quiet: { short: "q", help: "says nothing" },
    length: { value: "N", short: "l", help: "how long", default: "5" },
    "a-very-long-name-for-an-option": { value: "THING", help: "wide" },
    dir: { value: "DIR", help: "where", multiple: true },
  },
  examples: [["leakline cut rope", "cuts it"]],
  run: async () => 0,
};

/** The message of the usage error that it must throw. */
function usageErrorOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof LeaklineError && error.code === "usage") return error.message;
    throw error;
  }
  throw new Error("it was accepted");
}

test("options, operands and defaults", () => {
  const given = parseArguments(CUT, ["a", "-ql", "7", "b", "--dir", "x", "--dir=y", "--", "--quiet"]);
  expect(given.operands).toEqual(["a", "b", "--quiet"]);
  expect(given.flag("quiet")).toBe(true);
  expect(given.number("length", 0, 10)).toBe(7);
  expect(given.texts("dir")).toEqual(["x", "y"]);
  const bare = parseArguments(CUT, []);
  expect(bare.flag("quiet")).toBe(false);
  expect(bare.text("length")).toBe("5");
  expect(bare.number("a-very-long-name-for-an-option", 0, 1)).toBeUndefined();
  expect(bare.texts("dir")).toEqual([]);
});

describe("a usage error names what is wrong:", () => {
  test.each([
    [["--loud"], "--loud"],
    [["--length"], "--length"],
    [["--quiet=yes"], "--quiet"],
  ])("%s", (words, named) => {
    expect(usageErrorOf(() => parseArguments(CUT, words))).toContain(named);
  });

  test.each(["abc", "", " ", "-1", "11", "NaN", "Infinity", "5s"])("--length '%s'", (text) => {
    const given = parseArguments(CUT, [`--length=${text}`]);
    expect(usageErrorOf(() => given.number("length", 0, 10))).toBe(`--length ${text}: a number from 0 to 10 is needed`);
  });

  test("a fraction where a whole number is needed", () => {
    const given = parseArguments(CUT, ["--length", "2.5"]);
    expect(given.number("length", 0, 10)).toBe(2.5);
    expect(usageErrorOf(() => given.integer("length", 0, 10))).toBe("--length 2.5: a whole number is needed");
  });

  test.each(["0", "-5", "1e3", "0x10", "4294967296", "", "12a", "1.5"])("PID '%s'", (text) => {
    expect(usageErrorOf(() => parsePid(text))).toBe(`${text}: not a PID`);
  });

  test.each(["", "0x", "xyz", "12345678901234567", "-1", "0x1g"])("address '%s'", (text) => {
    expect(usageErrorOf(() => parseAddresses(["0x1", text]))).toBe(`${text}: not a hexadecimal address`);
  });
});

test("a PID is decimal, an address hexadecimal with or without 0x", () => {
  expect(parsePid("22487")).toBe(22487);
  expect(parseAddresses(["6f2", "0X6F2", "ffffffffffffffff"])).toEqual([0x6f2n, 0x6f2n, 2n ** 64n - 1n]);
});

test("the help of a command, in columns", () => {
  expect(commandHelp(CUT)).toBe(`cuts

Usage: leakline cut [OPTION…] FILE

Options:
  -q, --quiet                           says nothing
  -l, --length N                        how long (default 5)
      --a-very-long-name-for-an-option THING
                                        wide
      --dir DIR                         where (may be repeated)
  -h, --help                            this text

Examples:
  leakline cut rope  cuts it
`);
});

test("every command is found by the first word of its name", async () => {
  for (const command of COMMANDS) expect(await commandsNamed(command.name.split(" ")[0])).toContain(command);
  for (const word of ["", "toString", "attach "]) expect(await commandsNamed(word)).toEqual([]);
});

test("the main help lists every command and every exit code", () => {
  const help = mainHelp(COMMANDS).split("\n");
  for (const { name } of COMMANDS) expect(help.filter((line) => line.startsWith(`  ${name}  `))).toHaveLength(1);
  for (const [code, meaning] of EXIT_MEANINGS) expect(help).toContain(`  ${code}  ${meaning}`);
});

describe("every example in the help is a command line that its command accepts:", () => {
  const lines = COMMANDS.flatMap(({ examples }) => examples.map(([line]) => line));
  test.each(lines.filter((line) => /^(sudo )?leakline /.test(line)))("%s", (line) => {
    const words = line.replace(/^(sudo )?leakline /, "");
    const command = COMMANDS.find(({ name }) => words === name || words.startsWith(`${name} `));
    if (!command) throw new Error("no such command");
    const given = parseArguments(command, words.slice(command.name.length).split(" ").filter(Boolean));
    const optional = command.operands.startsWith("[");
    if (!optional) expect(given.operands.length > 0).toBe(command.operands !== "");
  });
});
