/** Reports and symbols as JSON: one object, on one line, so that repeated reports are one a line. */

import { hex } from "../base/address.ts";
import type { Report } from "./model.ts";

/** Ends with a newline. */
export function renderJson(report: Report): string {
  return `${toJson(report)}\n`;
}

/** Absent fields are left out. Addresses become `"0x…"`: bigint ones, and a frame's virtual address in its module. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (key, field) => {
    if (typeof field === "bigint" || (key === "moduleAddress" && typeof field === "number")) return `0x${hex(field)}`;
    return field;
  });
}
