/** The walk-through as text that teaches: each step with its numbers, and the command that shows the same. */

import { hex } from "../base/address.ts";
import type { Mapping } from "../process/maps.ts";
import type { ModuleExplanation, NearbySymbol } from "../symbolize/explain.ts";
import type { ModuleFrame } from "../symbolize/module.ts";
import { segmentFlagsName } from "./elf-names.ts";
import { lineText } from "./inspect.ts";
import { baseName } from "./names.ts";

/** How an absolute address was brought into a file. */
export type MappingStep = { pid: number; address: bigint; mappings: readonly Mapping[]; mapping: Mapping };

/** Ends with a newline. */
export function renderExplanation(mapped: MappingStep | undefined, explanation: ModuleExplanation): string {
  const steps = [
    ...(mapped ? [mappingStep(mapped), subtractionStep(mapped, explanation)] : []),
    segmentStep(explanation),
    ...(explanation.address === undefined
      ? []
      : [symbolStep(explanation), functionStep(explanation), lineStep(explanation), answer(explanation)]),
  ];
  return `${steps.map((lines, i) => [`${i + 1}. ${lines[0]}`, ...lines.slice(1).map((line) => `   ${line}`)].join("\n")).join("\n\n")}\n`;
}

function mappingStep({ pid, address, mappings, mapping }: MappingStep): string[] {
  return [
    "Which file is mapped at the address?",
    `The executable mappings of the process (cat /proc/${pid}/maps):`,
    ...mappings.map((m) => `${m === mapping ? "→" : " "} ${mappingText(m)}`),
    `0x${hex(mapping.start)} <= 0x${hex(address)} < 0x${hex(mapping.end)}, so it lies in ${mapping.path}.`,
  ];
}

function mappingText(m: Mapping): string {
  return `${hex(m.start)}-${hex(m.end)} r${m.permissions.write ? "w" : "-"}xp ${hex(m.offset, 8)} ${m.path || "[anon]"}`;
}

function subtractionStep({ address, mapping }: MappingStep, { fileOffset }: ModuleExplanation): string[] {
  return [
    "From the address in the process to an offset in the file",
    "address - start of the mapping + its offset in the file",
    `0x${hex(address)} - 0x${hex(mapping.start)} + 0x${hex(mapping.offset)} = 0x${hex(fileOffset ?? 0)}`,
  ];
}

function segmentStep({ file, fileOffset, address, segments, segment }: ModuleExplanation): string[] {
  const title = "From the file offset to the virtual address: what the linker called this place";
  const table = [
    `The loaded segments of ${file} (readelf -lW):`,
    "  offset             virtual address    size in file       flags",
    ...segments.map(
      (s) =>
        `${s === segment ? "→" : " "} 0x${hex(s.offset, 16)} 0x${hex(s.address, 16)} 0x${hex(s.fileSize, 16)} ${segmentFlagsName(s.flags)}`,
    ),
  ];
  if (address === undefined)
    return [title, ...table, `No segment holds file offset 0x${hex(fileOffset ?? 0)}: nothing is known of it.`];
  if (!segment || fileOffset === undefined)
    return [title, ...table, `Virtual address 0x${hex(address)} is in no segment of the file.`];
  return [
    title,
    ...table,
    "file offset - segment's offset + segment's virtual address",
    `0x${hex(fileOffset)} - 0x${hex(segment.offset)} + 0x${hex(segment.address)} = 0x${hex(address)}`,
    Number(fileOffset) === Number(address)
      ? "Both are equal here; in a file whose segments are not at their offsets they are not."
      : "They differ: symbols and debug information know only the virtual address.",
  ];
}

function symbolStep({ symbols, symbolTable, address, frames }: ModuleExplanation): string[] {
  const title = "Which function does the symbol table name?";
  if (symbolTable === undefined) return [title, "No symbol table names a function of this file: it was stripped."];
  const found = containing(symbols, address ?? 0);
  const name = frames.at(-1)?.symbol;
  return [
    title,
    `Functions of ${symbolTable} around it (readelf -s):`,
    "  address            size   name",
    ...symbols.map((s) => `${s === found ? "→" : " "} 0x${hex(s.address, 16)} ${String(s.size).padStart(6)} ${s.name}`),
    found
      ? `0x${hex(found.address)} <= 0x${hex(address ?? 0)} < 0x${hex(found.address + found.size)}, so it is ${found.name}+0x${hex((address ?? 0) - found.address)}.`
      : `None of them contains the address${name === undefined ? "" : `; what names it is ${name} in ${frames.at(-1)?.symbolSource}`}.`,
  ];
}

function containing(symbols: readonly NearbySymbol[], address: number): NearbySymbol | undefined {
  return symbols.findLast((s) => s.address <= address && address < s.address + s.size);
}

function functionStep({ function: code, debugFile, address }: ModuleExplanation): string[] {
  const title = "Which function does the debug information name?";
  if (debugFile === undefined) {
    return [title, "There is no debug information: compiled without -g, or stripped. So there is no file and line."];
  }
  if (!code) return [title, `None in ${debugFile} contains the address.`];
  return [
    title,
    `In ${debugFile} (dwarfdump -i):`,
    `<0x${hex(code.offset)}> DW_TAG_subprogram`,
    `  DW_AT_name       ${code.displayName ?? code.linkageName ?? "none"}`,
    `  DW_AT_decl_file  ${code.declFile ?? "none"}`,
    `  DW_AT_decl_line  ${code.declLine ?? "none"}`,
    ...code.ranges.map(({ begin, end }) => `  low_pc 0x${hex(begin)}, high_pc 0x${hex(end)}`),
    ...code.ranges
      .filter(({ begin, end }) => begin <= (address ?? 0) && (address ?? 0) < end)
      .map(
        ({ begin, end }) => `0x${hex(begin)} <= 0x${hex(address ?? 0)} < 0x${hex(end)}, so the address belongs to it.`,
      ),
  ];
}

function lineStep({ rows, address }: ModuleExplanation): string[] {
  const title = "Which line?";
  if (!rows) return [title, "No row of a line program covers the address."];
  const { program, row } = rows;
  const hit = rows.rows[row];
  const next = rows.rows[row + 1];
  return [
    title,
    "The rows of the line program around it (dwarfdump -l); each holds until the next:",
    ...rows.rows.map((r, i) => `${i === row ? "→" : " "} ${lineText(program, r, i === row)}`),
    `Binary search: 0x${hex(hit.address)} <= 0x${hex(address ?? 0)}${next ? ` < 0x${hex(next.address)}` : ""}, so line ${hit.line} of ${baseName(program.path(hit.file) ?? "?")}.`,
  ];
}

function answer({ frames }: ModuleExplanation): string[] {
  return ["The answer", ...frames.map(frameText)];
}

function frameText(frame: ModuleFrame): string {
  if (frame.symbol === undefined) return `unknown: ${frame.reason ?? "no symbol"}`;
  const place = frame.file === undefined ? (frame.reason ?? "") : `${baseName(frame.file)}:${frame.line ?? "?"}`;
  return `${frame.symbol}${frame.inlined ? " [inlined]" : `+0x${hex(frame.offset ?? 0)}`} ${place}`.trimEnd();
}
