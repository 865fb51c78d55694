import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { open, source } from "../../test/support/dwarf-files.ts";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { hex } from "../base/address.ts";
import { type DamagedEntry, type LineRow, openDwarf } from "./index.ts";

const VARIANTS: [compiler: string, options: string][] = [
  ["g++", "-gdwarf-2 -O2"],
  ["g++", "-gdwarf-3 -O2"],
  ["g++", "-gdwarf-4 -O2"],
  ["g++", "-gdwarf-5 -O2"],
  ["g++", "-gdwarf-5 -gdwarf64 -O2"],
  ["g++", "-gdwarf-4 -O0 -fdebug-types-section"],
  ["clang++-14", "-gdwarf-4 -O2"],
  ["clang++-14", "-gdwarf-5 -O2"],
  ["clang++-14", "-g -O2 -ffunction-sections -fuse-ld=lld -Wl,--gc-sections"],
  ["g++", "-g -O2 -ffunction-sections -Wl,--gc-sections"],
];

function compile(compiler: string, options: string): string {
  const path = join(temporaryDirectory(), "program");
  run(compiler, ...options.split(" "), source("classes.cc"), "-o", path);
  return path;
}

/** Entries, of which none may be damaged. */
function sound<T extends object>(entries: Iterable<T | DamagedEntry>): T[] {
  const all = [...entries];
  expect(all.filter((entry) => "reason" in entry)).toEqual([]);
  return all as T[];
}

describe("lists what llvm-dwarfdump lists", () => {
  test.for(VARIANTS)("rows of %s %s", ([compiler, options], context) => {
    needTools(context, compiler, "llvm-dwarfdump");
    const path = compile(compiler, options);
    const ours: string[] = [];
    for (const program of sound(openDwarf(open(path).input).lines())) {
      ours.push(`debug_line[0x${hex(program.offset, 8)}]`);
      for (const row of program.rows()) ours.push(rowText(row));
    }
    const theirs = run("llvm-dwarfdump", "--debug-line", path)
      .split("\n")
      .filter((line) => /^0x[0-9a-f]{16} |^debug_line\[/.test(line))
      .map((line) => line.trim().replace(/ +/g, " "));
    expect(ours).toEqual(theirs);
    expect(ours.length).toBeGreaterThan(500);
  });

  test.for(VARIANTS)("functions of %s %s", ([compiler, options], context) => {
    needTools(context, compiler, "llvm-dwarfdump");
    const path = compile(compiler, options);
    const ours = sound(openDwarf(open(path).input).functions()).map(
      ({ offset, linkageName, displayName, ranges, dropped }) => ({
        offset: `0x${hex(offset, 8)}`,
        name: linkageName ?? displayName,
        ranges: [...ranges, ...dropped].map(({ begin, end }) => `[0x${hex(begin, 16)}, 0x${hex(end, 16)})`),
      }),
    );
    expect(ours).toEqual(dumpedFunctions(run("llvm-dwarfdump", "--debug-info", path)));
    expect(ours.length).toBeGreaterThan(10);
  });

  test.for(VARIANTS)("units of %s %s", ([compiler, options], context) => {
    needTools(context, compiler, "llvm-dwarfdump");
    const path = compile(compiler, options);
    const ours = sound(openDwarf(open(path).input).units()).map(
      ({ offset, size, version, offsetSize, addressSize }) =>
        `0x${hex(offset, 8)} length ${hex(size - (offsetSize === 8 ? 12 : 4), 2 * offsetSize)} version ${version} address ${addressSize}`,
    );
    const dump = run("llvm-dwarfdump", "--debug-info", "--debug-types", path);
    const theirs = [
      ...dump.matchAll(
        /^(0x[0-9a-f]+): (?:Compile|Type) Unit: length = 0x([0-9a-f]+), .*version = 0x000(\d).*addr_size = 0x0(\d)/gm,
      ),
    ].map(([, offset, length, version, size]) => `${offset} length ${length} version ${version} address ${size}`);
    expect(ours).toEqual(theirs);
  });
});

/** A row as `llvm-dwarfdump --debug-line` prints it, with single spaces. */
function rowText(row: LineRow): string {
  const flags = [
    row.isStmt && "is_stmt",
    row.basicBlock && "basic_block",
    row.prologueEnd && "prologue_end",
    row.epilogueBegin && "epilogue_begin",
    row.endSequence && "end_sequence",
  ].filter(Boolean);
  const numbers = [row.line, row.column, row.file, row.isa, row.discriminator];
  return [`0x${hex(row.address, 16)}`, ...numbers, ...flags].join(" ");
}

/** The DIEs of a dump that are functions with code, with names taken from wherever a DIE's references lead. */
function dumpedFunctions(dump: string) {
  type Dumped = { tag: string; text: string };
  const dies = new Map<string, Dumped>();
  for (const block of dump.split(/\n(?=0x)/)) {
    const head = block.match(/^(0x[0-9a-f]{8}): +(DW_TAG_\w+)/);
    if (head) dies.set(head[1], { tag: head[2], text: block });
  }
  const text = (die: Dumped, attribute: string) => die.text.match(new RegExp(`${attribute}\\t\\("(.*)"\\)`))?.[1];
  function name(offset: string, attribute: string): string | undefined {
    const die = dies.get(offset);
    if (die === undefined) return undefined;
    const own = text(die, attribute);
    if (own !== undefined) return own;
    const next = die.text.match(
      /DW_AT_(?:abstract_origin|specification)\t\((?:cu \+ 0x[0-9a-f]+ => \{)?(0x[0-9a-f]+)/,
    )?.[1];
    return next && name(`0x${next.slice(2).replace(/^0+/, "").padStart(8, "0")}`, attribute);
  }
  const functions: { offset: string; name: string | undefined; ranges: string[] }[] = [];
  for (const [offset, die] of dies) {
    if (die.tag !== "DW_TAG_subprogram") continue;
    const low = die.text.match(/DW_AT_low_pc\t\(0x([0-9a-f]{16})\)/)?.[1];
    const high = die.text.match(/DW_AT_high_pc\t\(0x([0-9a-f]{16})\)/)?.[1];
    const list = die.text.match(/DW_AT_ranges[^[]*((?:\s*\[0x[0-9a-f]{16}, 0x[0-9a-f]{16}\))+)/)?.[1];
    if (low === undefined && list === undefined) continue;
    const ranges = list ? (list.match(/\[[^)]*\)/g) ?? []) : high ? [`[0x${low}, 0x${high})`] : [];
    functions.push({
      offset,
      name: name(offset, "DW_AT_linkage_name") ?? name(offset, "DW_AT_MIPS_linkage_name") ?? name(offset, "DW_AT_name"),
      ranges,
    });
  }
  return functions;
}
