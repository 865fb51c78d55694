/**
 * What ties a file to its debug information: the build ID (an ELF note, gABI 5 "Note Section"), `.gnu_debuglink` and
 * `.gnu_debugaltlink` (GDB manual, "Debugging Information in Separate Files"; DWZ), and DWARF 5's form of the latter,
 * `.debug_sup` (§7.3.6).
 */

import { type ByteSource, decodeText, sliceSource } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError, MalformedError } from "../base/errors.ts";
import { NOTE_NAME_GNU, NT_GNU_BUILD_ID, PT_NOTE, SHT_NOTE } from "./constants.ts";
import type { ElfFile } from "./elf-file.ts";

/** A separate debug file by name, and the CRC-32 of its contents. */
export type DebugLink = { file: string; crc: number };
/** The file that dwz moved shared debug information to, and its build ID (of `.debug_sup`: its checksum) in hexadecimal. */
export type DebugAltLink = { file: string; buildId: string };

/**
 * The build ID in lower-case hexadecimal, undefined when the file has none.
 *
 * Sections come first: in a separate debug file they hold the notes, while its program headers still describe the
 * file that was stripped. One damaged note section does not hide the next.
 */
export function readBuildId(elf: ElfFile): string | undefined {
  const ranges: { offset: number; size: number; align: number }[] = [];
  for (const { type, offset, size, align } of elf.sections) if (type === SHT_NOTE) ranges.push({ offset, size, align });
  for (const { type, offset, fileSize, align } of elf.segments)
    if (type === PT_NOTE) ranges.push({ offset, size: fileSize, align });
  for (const { offset, size, align } of ranges.slice(0, MAX_RANGES)) {
    try {
      const notes = sliceSource(elf.source, elf.source.name, offset, size);
      const id = findBuildId(notes, elf.littleEndian, align === 8 ? 8 : 4);
      if (id) return toHex(id);
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      elf.problems.push(error);
    }
  }
  return undefined;
}

/**
 * The build ID among notes that stand alone: /sys/kernel/notes, /sys/module/NAME/notes/.note.gnu.build-id.
 *
 * @returns lower-case hexadecimal, undefined when there is none.
 * @throws MalformedError when the notes are damaged.
 */
export function buildIdOfNotes(notes: ByteSource, littleEndian: boolean): string | undefined {
  const id = findBuildId(notes, littleEndian, 4);
  return id && toHex(id);
}

/** Walks notes header by header: the notes of a core file are too large to read at once. */
function findBuildId(notes: ByteSource, littleEndian: boolean, align: number): Uint8Array | undefined {
  const headerSize = 12;
  for (let at = 0, count = 0; at + headerSize <= notes.size && count < MAX_NOTES; count++) {
    const cursor = new Cursor(notes.read(at, headerSize), littleEndian, notes.name, "notes", at);
    const nameSize = cursor.u32();
    const size = cursor.u32();
    const type = cursor.u32();
    const data = alignUp(at + headerSize + nameSize, align);
    if (type === NT_GNU_BUILD_ID && nameSize === NOTE_NAME_GNU.length + 1 && size > 0 && size <= MAX_BUILD_ID) {
      const name = notes.read(at + headerSize, NOTE_NAME_GNU.length);
      if (decodeText(name) === NOTE_NAME_GNU) return notes.read(data, size);
    }
    at = alignUp(data + size, align);
  }
  return undefined;
}

/** @throws MalformedError when the section is there and damaged. */
export function readDebugLink(elf: ElfFile): DebugLink | undefined {
  const link = readLink(elf, ".gnu_debuglink");
  if (!link) return undefined;
  const cursor = new Cursor(link.bytes, elf.littleEndian, elf.name, ".gnu_debuglink");
  cursor.seek(Math.min(alignUp(link.file.length + 1, 4), link.bytes.length));
  return { file: decodeText(link.file), crc: cursor.u32() };
}

/** @throws MalformedError when the section is there and damaged. */
export function readDebugAltLink(elf: ElfFile): DebugAltLink | undefined {
  const link = readLink(elf, ".gnu_debugaltlink");
  if (!link) {
    const standard = readSup(elf);
    return standard?.isSupplementary ? undefined : standard?.link;
  }
  const id = link.bytes.subarray(link.file.length + 1);
  if (id.length === 0 || id.length > MAX_BUILD_ID)
    throw new MalformedError(elf.name, ".gnu_debugaltlink", 0, `a build ID of ${id.length} bytes`);
  return { file: decodeText(link.file), buildId: toHex(id) };
}

/**
 * What a DebugAltLink must name to mean this file: its checksum in `.debug_sup`, else its build ID.
 *
 * @throws MalformedError when the section is there and damaged.
 */
export function readSupplementaryId(elf: ElfFile): string | undefined {
  const standard = readSup(elf);
  return standard?.isSupplementary ? standard.link.buildId : elf.buildId;
}

/** `.debug_sup`: the same section in the file that refers to another and in that one. */
function readSup(elf: ElfFile): { isSupplementary: boolean; link: DebugAltLink } | undefined {
  const data = elf.sectionData(".debug_sup");
  if (!data || data.size > MAX_LINK) return undefined;
  const cursor = new Cursor(data.read(0, data.size), elf.littleEndian, elf.name, ".debug_sup");
  cursor.skip(2); // version
  const isSupplementary = cursor.u8() === 1;
  const file = decodeText(cursor.cString());
  const length = cursor.uleb();
  if (length === 0 || length > MAX_BUILD_ID) throw cursor.malformed(`a checksum of ${length} bytes`);
  return { isSupplementary, link: { file, buildId: toHex(cursor.view(length)) } };
}

/** Both links start with a zero-terminated file name. */
function readLink(elf: ElfFile, section: string): { file: Uint8Array; bytes: Uint8Array } | undefined {
  const data = elf.sectionData(section);
  if (!data) return undefined;
  if (data.size > MAX_LINK) throw new MalformedError(elf.name, section, 0, `${data.size} bytes for a file name`);
  const bytes = data.read(0, data.size);
  const file = new Cursor(bytes, elf.littleEndian, elf.name, section).cString();
  if (file.length === 0) throw new MalformedError(elf.name, section, 0, "empty file name");
  return { file, bytes };
}

function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Linkers write 8 to 32 bytes; `--build-id=0x…` lets people choose. */
const MAX_BUILD_ID = 64;
/** PATH_MAX and a build ID. */
const MAX_LINK = 4096 + MAX_BUILD_ID;
/** Sections and segments of notes that are looked at; real files have half a dozen. */
const MAX_RANGES = 64;
/** A core file has a few notes a thread. */
const MAX_NOTES = 1 << 16;
