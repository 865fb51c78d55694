/** Reports and symbols as JSON: one object, on one line, so that repeated reports are one a line. */

import { hex } from "../base/address.ts";
import type { Report } from "./model.ts";

/** Ends with a newline. */
export function renderJson(report: Report): string {
  return `${toJson(report)}\n`;
}

/** Absent fields are left out; addresses (bigint) become `"0x…"`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field) => (typeof field === "bigint" ? `0x${hex(field)}` : field));
}
