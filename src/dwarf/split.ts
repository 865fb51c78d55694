/**
 * From a skeleton unit to the split unit that has its DIEs (DWARF 5 §3.1.2-3.1.3; GNU's form of it for DWARF 4).
 *
 * Where the .dwo or .dwp is, only the outside world can find out: `DwarfInput.package` and `loadSplit` answer that.
 */

import { LeaklineError } from "../base/errors.ts";
import * as dw from "./constants.ts";
import { DebugFile } from "./debug-file.ts";
import type { DwarfInput } from "./input.ts";
import { isPackage, unitInPackage } from "./package-index.ts";
import type { Unit } from "./unit.ts";

/** Whether the unit's DIEs are in another file. */
export function isSkeleton(unit: Unit): boolean {
  const { attributes } = unit.root;
  return attributes.has(dw.DW_AT_dwo_name) || attributes.has(dw.DW_AT_GNU_dwo_name);
}

/**
 * Finds and opens the split unit of a skeleton.
 *
 * @throws LeaklineError `not-found` when there is none, and whatever is damaged on the way.
 */
export function splitUnit(skeleton: Unit): Unit {
  const { input } = skeleton.file;
  const id = dwoId(skeleton);
  const dwoName = skeleton.rootString(dw.DW_AT_dwo_name) ?? skeleton.rootString(dw.DW_AT_GNU_dwo_name) ?? "";
  const part = skeleton.file.package && id !== undefined ? unitInPackage(skeleton.file.package, id) : undefined;
  const found = part ?? input.loadSplit?.({ dwoName, compDir: skeleton.compDir, dwoId: id });
  const unit = found && matchingUnit(found, id, skeleton);
  if (unit) return unit;
  throw new LeaklineError("not-found", `${input.name}: split debug information ${dwoName} not found`, {
    hint: "put the .dwo file where it was compiled, or a .dwp package beside the executable",
  });
}

function matchingUnit(found: DwarfInput, id: bigint | undefined, skeleton: Unit): Unit | undefined {
  const input = id !== undefined && isPackage(found) ? unitInPackage(found, id) : found;
  if (input === undefined) return undefined;
  const file = new DebugFile(input, ".dwo");
  for (const { header } of file.headers(".debug_info")) {
    if (header === undefined || header.typeOffset !== undefined) continue;
    const unit = file.openUnit(header, skeleton);
    if (dwoId(unit) === id) return unit;
  }
  throw new LeaklineError("mismatch", `${found.name}: is from another compilation than ${skeleton.file.name}`, {
    hint: "compile again, or find the matching file",
  });
}

/** The id that a skeleton and its split unit share: in the header since version 5, before in an attribute. */
function dwoId(unit: Unit): bigint | undefined {
  if (unit.header.signature !== undefined) return unit.header.signature;
  const id = unit.root.attributes.get(dw.DW_AT_GNU_dwo_id);
  // All 64 bits count, which a number cannot hold.
  return id?.form === dw.DW_FORM_data8 ? unit.cursor(id.position).u64big() : undefined;
}
