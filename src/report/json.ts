/** Reports and symbols as JSON: one object, on one line, so that repeated reports are one a line. */

import { hex } from "../base/address.ts";
import type { Frame } from "../symbolize/frame.ts";
import type { Report } from "./model.ts";

/** Ends with a newline. */
export function renderJson(report: Report): string {
  return `${toJson(report)}\n`;
}

/** Absent fields are left out; addresses (bigint) become `"0x…"`. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, field) => (typeof field === "bigint" ? `0x${hex(field)}` : field));
}

/** The frames of single addresses. */
export type Symbols = {
  version: 1;
  kind: "symbols";
  addresses: { address: bigint; frames: Frame[]; reason?: string | undefined }[];
};
