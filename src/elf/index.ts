/**
 * The public face of elf/: everything that other layers and users of the library may import.
 */

export { type FunctionBounds, findBounds, functionBounds } from "./eh-frame.ts";
export { ElfFile, type ElfOptions, openElf } from "./elf-file.ts";
export { type Cie, FrameReader, type FrameSection, findDebugFrame, findEhFrame } from "./frame-reader.ts";
export { type CodeLayout, LAYOUT_START, layOutCode } from "./layout.ts";
export { miniDebugInfo } from "./mini-debug-info.ts";
export { buildIdOfNotes, type DebugAltLink, type DebugLink } from "./notes.ts";
export { findPltStub, isInPlt, type PltStub, pltStubs } from "./plt.ts";
export { relocatedSection } from "./relocated-section.ts";
export type { Section } from "./sections.ts";
export { fileOffsetToVirtual, type Segment, virtualToFileOffset } from "./segments.ts";
export { type FoundSymbol, type SymbolIndex, symbolIndex } from "./symbol-index.ts";
export { readSymbols, type SymbolSource, SymbolTable } from "./symbol-table.ts";
