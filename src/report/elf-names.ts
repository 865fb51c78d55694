/** Names of ELF constants, as readelf prints them (gABI 4, "Symbol Table"; gABI 5, "Program Header"). */

const TYPES: { readonly [type: number]: string } = {
  0: "NOTYPE",
  1: "OBJECT",
  2: "FUNC",
  3: "SECTION",
  4: "FILE",
  5: "COMMON",
  6: "TLS",
  10: "IFUNC",
};
const BINDS: { readonly [bind: number]: string } = { 0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "UNIQUE" };
const VISIBILITIES = ["DEFAULT", "INTERNAL", "HIDDEN", "PROTECTED"];

/** SHN_ABS and SHN_COMMON, as the symbol table has them: negative, see SymbolTable.sectionIndexes. */
const ABSOLUTE = 0xfff1 - 0x10000;
const COMMON = 0xfff2 - 0x10000;

export function symbolTypeName(type: number): string {
  return TYPES[type] ?? `<${type}>`;
}

export function symbolBindName(bind: number): string {
  return BINDS[bind] ?? `<${bind}>`;
}

export function visibilityName(visibility: number): string {
  return VISIBILITIES[visibility];
}

export function sectionIndexName(index: number): string {
  if (index === 0) return "UND";
  if (index === ABSOLUTE) return "ABS";
  return index === COMMON ? "COM" : String(index);
}

/** `R E`, `RW `: read, write, execute. */
export function segmentFlagsName(flags: number): string {
  return `${flags & 4 ? "R" : " "}${flags & 2 ? "W" : " "}${flags & 1 ? "E" : " "}`;
}
