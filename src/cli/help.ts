/** Help texts, from the table of commands. */

import type { Command, Option } from "./command.ts";
import { EXIT_MEANINGS } from "./exit-codes.ts";

export function mainHelp(commands: readonly Command[]): string {
  return `leakline finds the line of code that leaks, in a running process.

Usage: leakline COMMAND [OPTION…] …

${columns(commands.map((command) => [`  ${command.name}`, command.summary]))}

Examples:
${columns([
  ["  sudo leakline attach $(pidof server)", "what leaks, every 5 seconds"],
  ["  leakline COMMAND --help", "a command's options and examples"],
])}

Exit codes:
${columns(EXIT_MEANINGS.map(([code, meaning]) => [`  ${code}`, meaning]))}
`;
}

export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, option]) => [
    optionName(name, option),
    optionHelp(option),
  ]);
  options.push(["  -h, --help", "this text"]);
  return `${command.summary}

Usage: leakline ${command.name} [OPTION…]${command.operands && ` ${command.operands}`}

Options:
${columns(options)}

Examples:
${columns(command.examples.map(([line, what]) => [`  ${line}`, what]))}
`;
}

function optionName(name: string, option: Option): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `  ${short}--${name}${option.value === undefined ? "" : ` ${option.value}`}`;
}

function optionHelp(option: Option): string {
  const notes = [option.default !== undefined && `default ${option.default}`, option.multiple && "may be repeated"];
  const given = notes.filter((note) => note);
  return given.length > 0 ? `${option.help} (${given.join(", ")})` : option.help;
}

/** Two columns; a first column that is too wide gets a line of its own. */
function columns(rows: readonly (readonly string[])[]): string {
  const width = Math.min(38, Math.max(...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width ? `${left}\n${" ".repeat(width)}  ${right}` : `${left.padEnd(width)}  ${right}`,
    )
    .join("\n");
}
