/** Where the reader begins. In the command, what is behind this file is loaded when it is called: an index on disk needs none of it. */

import { Dwarf } from "./dwarf.ts";
import type { DwarfInput } from "./input.ts";

/** Opens the debug information of a file. Reads nothing yet. */
export function openDwarf(input: DwarfInput): Dwarf {
  return new Dwarf(input);
}
