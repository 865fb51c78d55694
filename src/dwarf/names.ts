/**
 * What a function is called, and where it is declared (DWARF 5 §2.23, §3.3.8.1, §2.13.2).
 *
 * The DIE with the code often has no name of its own: an inlined call and a concrete instance point to their abstract
 * origin, a definition outside of its class to the declaration in it (DW_AT_specification), and either may be in another
 * unit or in the supplementary file. The linkage name found anywhere along the way is preferred.
 */

import type { Die } from "./attributes.ts";
import * as dw from "./constants.ts";
import { MAX_ORIGINS } from "./limits.ts";
import type { DieReference, Unit } from "./unit.ts";

/** What the DIEs on the way from an instance to its declaration say. */
export type FunctionNames = {
  /** The linker's name, mangled in C++ and Rust. */
  linkageName: string | undefined;
  /** DW_AT_name: as the source has it, without scope or parameters. */
  name: string | undefined;
  /** DW_AT_decl_file, a number in the line table of `declaredIn`. */
  declFile: number | undefined;
  declLine: number | undefined;
  declaredIn: Unit | undefined;
  external: boolean;
};

/** @throws MalformedError when a DIE on the way is damaged. A cycle just ends. */
export function functionNames(unit: Unit, offset: number): FunctionNames {
  const names: FunctionNames = {
    linkageName: undefined,
    name: undefined,
    declFile: undefined,
    declLine: undefined,
    declaredIn: undefined,
    external: false,
  };
  const open: DieReference[] = [{ unit, offset }];
  for (let i = 0; i < open.length && i < MAX_ORIGINS; i++) {
    const { unit, offset } = open[i];
    const die = unit.die(offset);
    note(names, unit, die);
    for (const attribute of [dw.DW_AT_abstract_origin, dw.DW_AT_specification]) {
      const value = die.attributes.get(attribute);
      const next = value && unit.reference(value);
      if (next) open.push(next);
    }
  }
  return names;
}

function note(names: FunctionNames, unit: Unit, die: Die): void {
  const { attributes } = die;
  const linkageName = attributes.get(dw.DW_AT_linkage_name) ?? attributes.get(dw.DW_AT_MIPS_linkage_name);
  if (linkageName) names.linkageName ??= unit.string(linkageName);
  const name = attributes.get(dw.DW_AT_name);
  if (name) names.name ??= unit.string(name);
  const declFile = attributes.get(dw.DW_AT_decl_file);
  if (declFile && names.declaredIn === undefined) {
    names.declFile = declFile.value;
    names.declaredIn = unit;
  }
  names.declLine ??= attributes.get(dw.DW_AT_decl_line)?.value;
  if (attributes.get(dw.DW_AT_external)?.value) names.external = true;
}
