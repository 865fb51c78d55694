/**
 * Debug information in DWARF 2 to 5: from an address to functions, inlined calls, files and lines.
 */

export {
  type Answer,
  type AnswerColumns,
  type Answers,
  type BriefFrame,
  brief,
  type FrameNumbers,
  type FunctionAt,
  functionAt,
  NO_FUNCTION,
  OTHER_FUNCTION,
} from "./batch/answers.ts";
export type { BatchHelper, BatchPart } from "./batch/share.ts";
export type { Dwarf } from "./dwarf.ts";
export type { AddressRange, Found, SourceFrame, SourceFunction } from "./frames.ts";
export type { DwarfInput, SplitQuery } from "./input.ts";
export type {
  DamagedEntry,
  FunctionEntry,
  LineProgramEntry,
  LineRow,
  RowsAround,
  UnitEntry,
} from "./listing.ts";
export { openDwarf } from "./open.ts";
export { NOT_COVERED } from "./reason.ts";
