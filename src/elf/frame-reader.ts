/**
 * The entries of `.eh_frame` (Linux Standard Base 5, "Exception Frames") and `.debug_frame` (DWARF 5 §6.4.1).
 *
 * The two sections hold the same things: CIEs, which say what many functions have in common, and FDEs, one for each
 * range of code, which end with a program. They differ in how an entry refers to its CIE. Nothing is indexed here:
 * the reader goes from FDE to FDE, and can go back to one by its position. The sorted table in `.eh_frame_hdr` is not
 * used, but for finding `.eh_frame` in a file without section headers.
 */

import type { ByteSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import {
  DW_EH_PE_ABSPTR,
  DW_EH_PE_DATAREL,
  DW_EH_PE_PCREL,
  DW_EH_PE_SDATA2,
  DW_EH_PE_SDATA4,
  DW_EH_PE_SDATA8,
  DW_EH_PE_SLEB128,
  DW_EH_PE_UDATA2,
  DW_EH_PE_UDATA4,
  DW_EH_PE_UDATA8,
  DW_EH_PE_ULEB128,
  PT_GNU_EH_FRAME,
} from "./constants.ts";
import { loadedBytes } from "./dynamic.ts";
import type { ElfFile } from "./elf-file.ts";
import { readAddress, readSize } from "./header.ts";
import { relocatedSection } from "./relocated-section.ts";

/** What FDEs take from the CIE that they refer to. */
export type Cie = {
  /** How addresses are written: `DW_EH_PE_*`. */
  encoding: number;
  codeAlignment: number;
  dataAlignment: number;
  /** The register, or column, that stands for the return address. */
  returnRegister: number;
  /** Are there augmentation data before an FDE's program? */
  augmented: boolean;
  /** Do its FDEs describe code that the kernel returns to from a signal handler? */
  signal: boolean;
  /** The program that comes before that of each FDE: positions in the section, the end exclusive. */
  programStart: number;
  programEnd: number;
};

/**
 * Reads the FDEs of a section one after the other, in the order of the file. A damaged entry is left out.
 *
 *     while (reader.next()) use(reader.start, reader.size);
 */
export class FrameReader {
  /** After `next()`, stands at the FDE's program and ends with it. */
  readonly cursor: Cursor;
  /** Of the FDE: where it stands in the section, its CIE, its first virtual address and its length in bytes. */
  position = 0;
  cie: Cie = NO_CIE;
  start = 0;
  size = 0;
  /** How many entries were left out, and why the first was. */
  damaged = 0;
  problem: LeaklineError | undefined;

  private readonly cies = new Map<number, Cie>();
  private readonly is64: boolean;
  private readonly isDebug: boolean;
  /** Virtual address of the section, for addresses relative to where they stand. */
  private readonly address: number;
  /** The end of the section is not known: a terminator ends it. Elsewhere, linkers put more entries behind those. */
  private readonly open: boolean;
  private following = 0;

  constructor(elf: ElfFile, section: FrameSection) {
    const { data, address, open } = section;
    if (data.size > MAX_SECTION && !open)
      throw new LeaklineError("limit", `${data.name}: larger than ${MAX_SECTION} bytes`);
    const bytes = data.read(0, Math.min(data.size, MAX_SECTION));
    this.isDebug = section.name === ".debug_frame";
    this.cursor = new Cursor(bytes, elf.littleEndian, elf.name, section.name);
    this.is64 = elf.is64;
    this.address = address;
    this.open = open;
  }

  /** Goes on to the next FDE; false when there is none. */
  next(): boolean {
    while (this.following + 4 <= this.cursor.bytes.length) {
      try {
        if (this.readEntry()) return true;
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
        this.problem ??= error;
        if (++this.damaged === MAX_DAMAGED) break;
      }
    }
    return false;
  }

  /** Goes to the FDE at a `position` where `next()` once found one. */
  readAt(position: number): void {
    this.following = position;
    this.readEntry();
  }

  /** An address at the cursor, written as the FDE's own are. */
  readPointer(): number {
    return readPointer(this.cursor, this.cie.encoding, this.is64, this.address, 0);
  }

  /** Reads one entry; true when it is an FDE. */
  private readEntry(): boolean {
    const { cursor } = this;
    const size = cursor.bytes.length;
    const at = this.following;
    // Should the length be damaged, nobody knows where the next entry is.
    this.following = size;
    cursor.end = size;
    cursor.seek(at);
    let length = cursor.u32();
    const isLong = length === 0xffffffff;
    if (isLong) length = readSize(cursor, true);
    const start = cursor.position;
    if (length === 0) {
      if (!this.open) this.following = start;
      return false;
    }
    if (length > size - start) throw cursor.malformed(`an entry of ${length} bytes`, at);
    cursor.end = start + length;
    this.following = cursor.end;
    // The long form widens the reference to a CIE in .debug_frame only.
    const id = this.isDebug && isLong ? cursor.i64() : cursor.i32();
    if (id === (this.isDebug ? -1 : 0)) {
      if (this.cies.size === MAX_CIES) throw cursor.malformed(`more than ${MAX_CIES} CIEs`, at);
      this.cies.set(at, readCie(cursor, this.is64));
      return false;
    }
    // A section offset, or the distance back from here. CIEs stand before their FDEs.
    const cie = this.cies.get(this.isDebug ? id : start - id);
    if (!cie) throw cursor.malformed("an FDE points to something that is no CIE", start);
    this.position = at;
    this.cie = cie;
    this.start = this.readPointer();
    this.size = readPointer(cursor, cie.encoding & 0x0f, this.is64, 0, 0);
    if (cie.augmented) cursor.skip(cursor.uleb());
    return true;
  }
}

/** A section of frame entries. `address` is that of its first byte; `open` when its end is not known. */
export type FrameSection = {
  name: ".eh_frame" | ".debug_frame";
  data: ByteSource;
  address: number;
  open: boolean;
};

/**
 * The file's `.eh_frame`, undefined when it has none. A relocatable file has none either, as its addresses are not
 * known before linking.
 *
 * @throws MalformedError when it lies outside the file.
 */
export function findEhFrame(elf: ElfFile): FrameSection | undefined {
  const name = ".eh_frame";
  const section = elf.section(name);
  const data = section && relocatedSection(elf, section);
  if (data) return { name, data, address: section.address, open: false };
  const header = elf.sections.length === 0 && elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  if (!header) return undefined;
  // version, three encodings, then the address of .eh_frame in the first of them
  const size = Math.min(header.fileSize, 16);
  const cursor = new Cursor(elf.source.read(header.offset, size), elf.littleEndian, elf.name, ".eh_frame_hdr");
  cursor.skip(1);
  const encoding = cursor.u8();
  cursor.skip(2);
  const address = readPointer(cursor, encoding, elf.is64, header.address, header.address);
  return { name, data: loadedBytes(elf, name, address), address, open: true };
}

/**
 * The file's `.debug_frame`, undefined when it has none.
 *
 * @throws LeaklineError when it lies outside the file or cannot be decompressed.
 */
export function findDebugFrame(elf: ElfFile): FrameSection | undefined {
  const name = ".debug_frame";
  const data = relocatedSection(elf, name);
  return data && { name, data, address: 0, open: false };
}

/** @param cursor behind the CIE's id, and ending with the CIE. */
function readCie(cursor: Cursor, is64: boolean): Cie {
  const version = cursor.u8();
  let augmentation = "";
  for (let letter = cursor.u8(); letter !== 0; letter = cursor.u8()) {
    augmentation += String.fromCharCode(letter);
    if (augmentation.length > MAX_AUGMENTATION) throw cursor.malformed("an endless augmentation");
  }
  if (version === 4) cursor.skip(2); // address and segment selector size
  const codeAlignment = cursor.uleb();
  const dataAlignment = cursor.sleb();
  const returnRegister = version === 1 ? cursor.u8() : cursor.uleb();
  const augmented = augmentation.startsWith("z");
  const dataEnd = augmented ? cursor.uleb() + cursor.position : cursor.position;
  let encoding = DW_EH_PE_ABSPTR;
  for (const letter of augmentation.slice(augmented ? 1 : 0)) {
    if (letter === "R") encoding = cursor.u8();
    else if (letter === "L") cursor.skip(1);
    else if (letter === "P") readPointer(cursor, cursor.u8() & 0x0f, is64, 0, 0);
    else if (!"SBG".includes(letter)) throw cursor.malformed(`unknown augmentation "${augmentation}"`);
  }
  cursor.seek(dataEnd);
  return {
    encoding,
    codeAlignment,
    dataAlignment,
    returnRegister,
    augmented,
    signal: augmentation.includes("S"),
    programStart: dataEnd,
    programEnd: cursor.end,
  };
}

/**
 * An address in one of the DW_EH_PE encodings.
 *
 * @param address virtual address of the cursor's first byte, for addresses relative to where they stand.
 * @param dataBase for addresses relative to the data segment.
 */
function readPointer(cursor: Cursor, encoding: number, is64: boolean, address: number, dataBase: number): number {
  const position = cursor.position;
  const value = readEncoded(cursor, encoding & 0x0f, is64);
  const application = encoding & 0xf0;
  let base = 0;
  if (application === DW_EH_PE_PCREL) base = address + position;
  else if (application === DW_EH_PE_DATAREL && dataBase !== 0) base = dataBase;
  else if (application !== 0) throw cursor.malformed(`address encoding 0x${encoding.toString(16)}`, position);
  return is64 ? base + value : (base + value) >>> 0;
}

function readEncoded(cursor: Cursor, format: number, is64: boolean): number {
  switch (format) {
    case DW_EH_PE_ABSPTR:
      return readAddress(cursor, is64);
    case DW_EH_PE_ULEB128:
      return cursor.uleb();
    case DW_EH_PE_UDATA2:
      return cursor.u16();
    case DW_EH_PE_UDATA4:
      return cursor.u32();
    case DW_EH_PE_SLEB128:
      return cursor.sleb();
    case DW_EH_PE_SDATA2:
      return cursor.i16();
    case DW_EH_PE_SDATA4:
      return cursor.i32();
    case DW_EH_PE_UDATA8:
    case DW_EH_PE_SDATA8:
      return cursor.i64();
    default:
      throw cursor.malformed(`address encoding 0x${format.toString(16)}`);
  }
}

const NO_CIE: Cie = {
  encoding: DW_EH_PE_ABSPTR,
  codeAlignment: 1,
  dataAlignment: 1,
  returnRegister: 0,
  augmented: false,
  signal: false,
  programStart: 0,
  programEnd: 0,
};

/** Browsers, the largest programs there are, have about 30 MiB. */
const MAX_SECTION = 1 << 28;
/** Damaged entries after which the rest is not read: each costs an exception. */
const MAX_DAMAGED = 1000;
/** Linkers join equal CIEs in .eh_frame; in .debug_frame there is one for each source file. */
const MAX_CIES = 1 << 20;
const MAX_AUGMENTATION = 16;
