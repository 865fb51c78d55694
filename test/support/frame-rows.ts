/**
 * GNU readelf's unwind rows, in the notation of `ruleText` in src/unwind.
 */

import { run } from "./oracle.ts";

/** From `start` on, up to the next row of its entry or the entry's end, this rule holds. */
export type OracleRow = { start: number; end: number; rule: string };

/**
 * `readelf -wFN` (frames interpreted, no links followed) prints a table for each entry, but none for an FDE that adds
 * nothing to its CIE. Of an expression it says only `exp`: what it is stands in `readelf -wfN`.
 */
export function readelfRows(path: string): OracleRow[] {
  const rows: OracleRow[] = [];
  const expressions = readelfExpressions(path);
  const initialRules = new Map<string, string>();
  let columns: string[] = [];
  let entry: { start: number; end: number; rows: number } | undefined;
  let cie = "";
  for (const line of run("readelf", "-wFN", path).split("\n")) {
    const fde = /^[0-9a-f]{8,} .* FDE cie=([0-9a-f]+) pc=([0-9a-f]+)\.\.([0-9a-f]+)$/.exec(line);
    if (fde) {
      const [start, end] = [Number.parseInt(fde[2], 16), Number.parseInt(fde[3], 16)];
      rows.push({ start, end, rule: initialRules.get(fde[1]) ?? "no such CIE" });
      entry = { start, end, rows: 0 };
    } else if (/^[0-9a-f]{8,} .* CIE /.test(line)) {
      cie = line.slice(0, line.indexOf(" "));
      entry = undefined;
    } else if (line.startsWith("   LOC ")) {
      columns = line.trim().split(/ +/);
    } else if (/^[0-9a-f]{16} (?!.*[A-Z])/.test(line)) {
      const cells = line
        .trim()
        .replaceAll(/ \(\w+\)/g, "")
        .split(/ +/);
      const cell = (name: string) => cells[columns.indexOf(name)];
      const start = Number.parseInt(cells[0], 16);
      const ofEntry = entry && expressions.get(entry.start);
      const rule = ruleOf(cell("CFA"), cell("rbp"), cell("ra"), ofEntry?.get("CFA"), ofEntry?.get("rbp"));
      if (!entry) {
        initialRules.set(cie, rule);
        continue;
      }
      if (entry.rows++ === 0) rows.pop();
      else rows[rows.length - 1].end = start;
      rows.push({ start, end: entry.end, rule });
    }
  }
  return rows.filter(({ start, end }) => start < end);
}

/** First address of an FDE → what has an expression there (CFA or a register) → the expression. */
function readelfExpressions(path: string): Map<number, Map<string, string>> {
  const expressions = new Map<number, Map<string, string>>();
  let ofEntry = new Map<string, string>();
  for (const line of run("readelf", "-wfN", path).split("\n")) {
    const entry = / FDE .*pc=([0-9a-f]+)\.\./.exec(line);
    if (entry) {
      ofEntry = new Map();
      expressions.set(Number.parseInt(entry[1], 16), ofEntry);
    }
    const instruction = /^ {2}DW_CFA_(?:def_cfa_expression|expression: r\d+ \((\w+)\)) \((.*)\)$/.exec(line);
    if (!instruction) continue;
    const name = instruction[1] ?? "CFA";
    const other = ofEntry.get(name);
    // Rows do not say which of several it is, so they must come to the same.
    if (other !== undefined && other !== instruction[2] && expressionRule(other) !== expressionRule(instruction[2]))
      throw new Error(`${path}: two expressions: ${line}`);
    ofEntry.set(name, instruction[2]);
  }
  return expressions;
}

const PLT =
  "DW_OP_breg7 (rsp): 8; DW_OP_breg16 (rip): 0; DW_OP_lit15; DW_OP_and; DW_OP_lit11; DW_OP_ge; DW_OP_lit3; DW_OP_shl; DW_OP_plus";

function ruleOf(cfa: string, rbp: string | undefined, returnAddress: string, cfaExp = "", rbpExp = ""): string {
  if (returnAddress === "u") return "end";
  if (returnAddress === "exp" && cfaExp === "DW_OP_breg7 (rsp): 160; DW_OP_deref") return "signal";
  const rule = cfa === "exp" ? expressionRule(cfaExp) : cfa;
  const bytes = Number(/^\*?\(?r[bs]p([+-]\d+)\)?$/.exec(rule)?.[1] ?? 0);
  if (returnAddress !== "c-8" || !/^(plt|\*?\(?r[bs]p[+-])/.test(rule)) return "none";
  if (bytes % 8 !== 0 || bytes < -32768 * 8 || bytes > 32767 * 8) return "none";
  // "u" is what readelf prints of a register that only other rows say something about, too.
  if (rbp === undefined || rbp === "u" || rbp === "s") return rule;
  if (rbp === "exp" && rbpExp === "DW_OP_breg6 (rbp): 0") return `${rule} rbp=*(rbp)`;
  const saved = Number(/^c(-\d+)$/.exec(rbp)?.[1]);
  return `${rule} rbp=${saved >= -1024 ? rbp : "lost"}`;
}

function expressionRule(expression: string): string {
  if (expression === PLT) return "plt";
  const dereference = /^DW_OP_breg[67] \((r[bs]p)\): (-?)(\d+); DW_OP_deref$/.exec(expression);
  return dereference ? `*(${dereference[1]}${dereference[2] || "+"}${dereference[3]})` : "none";
}
