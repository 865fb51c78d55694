/**
 * The loops that a batch spends its time in, compiled to WebAssembly: abbreviations, walks over DIEs, line programs.
 *
 * AssemblyScript: TypeScript's syntax, with integers of fixed size and memory that is read by address. There are no
 * objects. Whatever is damaged or unusual is given up, which leaves it to the careful way (../unit-lookup.ts), so nothing here
 * says why. See ../scanner.ts for who calls it, and the README of this folder.
 */

// asc knows `export … from` without the extension only.
import { abbreviationRoom, compileAbbreviations } from "./abbreviations.ts";
import {
  arangesEnd,
  arangesState,
  rangeCount,
  rangeRoom,
  readAranges,
  seenCount,
  setCount,
  setRoom,
} from "./aranges.ts";
import { firstFree } from "./bytes.ts";
import {
  beginCalls,
  claimCall,
  functionHigh,
  functionLow,
  openRoom,
  rowCount,
  searchCalls,
  setCallLists,
} from "./calls.ts";
import { foundAttributes, foundDie, foundIndex, setUnit } from "./dies.ts";
import { beginFunctions, claimFunction, searchFunctions, skipped } from "./functions.ts";
import { lineHitRoom, searchLines, setLineLists, setProgram } from "./lines.ts";
import { setRangePiece, setRangeUnit } from "./range-lists.ts";

export {
  abbreviationRoom,
  arangesEnd,
  arangesState,
  beginCalls,
  beginFunctions,
  claimCall,
  claimFunction,
  compileAbbreviations,
  firstFree,
  foundAttributes,
  foundDie,
  foundIndex,
  functionHigh,
  functionLow,
  lineHitRoom,
  openRoom,
  rangeCount,
  rangeRoom,
  readAranges,
  rowCount,
  searchCalls,
  searchFunctions,
  searchLines,
  seenCount,
  setCallLists,
  setCount,
  setLineLists,
  setProgram,
  setRangePiece,
  setRangeUnit,
  setRoom,
  setUnit,
  skipped,
};
