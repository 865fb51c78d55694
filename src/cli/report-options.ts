/** The options of every command that prints reports. */

import { renderJson } from "../report/json.ts";
import type { Report } from "../report/model.ts";
import { renderText } from "../report/text.ts";
import type { Arguments, OptionTable } from "./command.ts";

export const REPORT_OPTIONS: OptionTable = {
  top: { value: "N", short: "n", help: "show the N largest stacks", default: "10" },
  json: { help: "one JSON object per report, one a line" },
  "full-paths": { help: "whole paths of source files" },
  "debug-dir": { value: "DIR", help: "look for separate debug files below DIR too", multiple: true },
};

export type ReportOptions = {
  top: number;
  json: boolean;
  fullPaths: boolean;
  debugDirectories: readonly string[];
};

/** @throws LeaklineError `usage`. */
export function reportOptionsFrom(given: Arguments): ReportOptions {
  return {
    top: given.integer("top", 1, 1e9) ?? 10,
    json: given.flag("json"),
    fullPaths: given.flag("full-paths"),
    debugDirectories: given.texts("debug-dir"),
  };
}

export function renderReport(report: Report, options: ReportOptions): string {
  return options.json ? renderJson(report) : renderText(report, options);
}
