/**
 * The header of a line number program: its parameters, directories and files (DWARF 5 §6.2.4, DWARF 4 §6.2.4).
 *
 * Of each file only its directory and the place of its name are noted; a path is put together when it is printed.
 */

import { decodeText, readCString } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { readForm } from "./attributes.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { FileNames } from "./file-names.ts";
import { MAX_FILES } from "./limits.ts";
import { readInteger } from "./unit.ts";
import { readInitialLength, readSized } from "./unit-header.ts";
import type { LineRoom } from "./unit-room.ts";

export class LineHeader {
  /** Where the program's unit begins in .debug_line; all positions below count from there. */
  readonly offset: number;
  readonly version: number;
  readonly offsetSize: number;
  readonly minInstLength: number;
  readonly maxOpsPerInst: number;
  readonly defaultIsStmt: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Number of LEB128 operands by standard opcode. */
  readonly opcodeLengths: Uint8Array;
  /** By special opcode less `opcodeBase`: operations it advances by, and lines (§6.2.5.1). */
  readonly specialOperations: Uint8Array;
  readonly specialLines: Int16Array;
  /** Where the program begins; it ends with `bytes`. */
  readonly programStart: number;
  readonly bytes: Uint8Array;
  private readonly file: DebugFile;
  private readonly directories: FileNames;
  private readonly files: FileNames;
  /** Where the last DW_LNE_define_file stood: the program may be run more than once. */
  private defined = 0;

  /**
   * @param room where the program and its names are put: the header is then of use only until the next one is put there.
   * @throws MalformedError
   */
  constructor(file: DebugFile, offset: number, room?: LineRoom) {
    const section = file.require(".debug_line");
    this.file = file;
    this.directories = room?.directories ?? new FileNames();
    this.files = room?.files ?? new FileNames();
    this.directories.clear();
    this.files.clear();
    this.offset = offset;
    const read = (length: number): Uint8Array =>
      room ? room.bytes.read(section, offset, length) : section.read(offset, length);
    const first = read(Math.max(4, Math.min(12, section.size - offset)));
    const start = new Cursor(first, file.littleEndian, file.name, ".debug_line", offset);
    const { length, offsetSize } = readInitialLength(start);
    this.offsetSize = offsetSize;
    const size = start.position + length;
    this.bytes = read(size);
    const cursor = this.cursor(start.position);
    this.version = cursor.u16();
    if (this.version < 2 || this.version > 5) throw cursor.malformed(`line program of version ${this.version}`);
    if (this.version >= 5) cursor.skip(2); // address size and segment selector size
    const headerLength = readSized(cursor, offsetSize);
    this.programStart = cursor.position + headerLength;
    if (headerLength < 0 || this.programStart > this.bytes.length)
      throw cursor.malformed(`header of ${headerLength} bytes runs off its line program`);
    this.minInstLength = cursor.u8();
    this.maxOpsPerInst = this.version >= 4 ? Math.max(1, cursor.u8()) : 1;
    this.defaultIsStmt = cursor.u8() !== 0;
    this.lineBase = cursor.i8();
    this.lineRange = cursor.u8();
    this.opcodeBase = cursor.u8();
    this.opcodeLengths = new Uint8Array(Math.max(1, this.opcodeBase));
    this.opcodeLengths.set(cursor.view(Math.max(0, this.opcodeBase - 1)), 1);
    ({ operations: this.specialOperations, lines: this.specialLines } = specialOpcodes(this.lineBase, this.lineRange));
    cursor.end = this.programStart;
    if (this.version >= 5) this.readTables(cursor);
    else this.readOldTables(cursor);
  }

  get littleEndian(): boolean {
    return this.file.littleEndian;
  }

  /** A cursor over the line program's unit; positions count from the unit's beginning. */
  cursor(position: number): Cursor {
    const cursor = new Cursor(this.bytes, this.file.littleEndian, this.file.name, ".debug_line", this.offset);
    cursor.seek(position);
    return cursor;
  }

  /** File numbers that the program may use: [first, first + count). */
  get fileNumbers(): { first: number; count: number } {
    return { first: this.version >= 5 ? 0 : 1, count: this.files.length };
  }

  /**
   * The path of a file: its name, behind its directory and the compilation directory while the path is relative. Nothing
   * is normalized. So do gimli and llvm-symbolizer; older readers repeat a relative compilation directory in version 5.
   *
   * @param number as rows and DIEs state it: from 1, in version 5 from 0.
   * @returns undefined when there is no such file.
   */
  path(number: number, compDir: string | undefined): string | undefined {
    const { files } = this;
    const index = this.version >= 5 ? number : number - 1;
    if (!(index >= 0 && index < files.length)) return undefined;
    const name = this.text(files, index);
    if (isAbsolute(name)) return name;
    const directoryIndex = files.directory.values[index];
    const directory = this.directory(directoryIndex);
    const path = directory ? join(directory, name) : name;
    // Since version 5, directory 0 is the compilation directory itself.
    const isComplete = isAbsolute(path) || (this.version >= 5 && directoryIndex === 0);
    return isComplete || !compDir ? path : join(compDir, path);
  }

  /** Notes a file that the program itself defines (§6.2.5.3). */
  defineFile(cursor: Cursor): void {
    const isNew = cursor.position > this.defined;
    if (isNew) this.defined = cursor.position;
    const value = cursor.position;
    cursor.cString();
    const directory = cursor.uleb();
    if (isNew) this.add(this.files, dw.DW_FORM_string, value, directory);
  }

  private add(list: FileNames, form: number, value: number, directory: number): void {
    if (list.length >= MAX_FILES)
      throw new LeaklineError("limit", `${this.file.name}: line program with more than ${MAX_FILES} files`);
    list.add(form, value, directory);
  }

  private directory(number: number): string | undefined {
    // Before version 5, directory 0 is the compilation directory and is not in the list.
    const index = this.version >= 5 ? number : number - 1;
    return index >= 0 && index < this.directories.length ? this.text(this.directories, index) : undefined;
  }

  private text(list: FileNames, index: number): string {
    const { file } = this;
    const value = list.value.values[index];
    switch (list.form.values[index]) {
      case dw.DW_FORM_string:
        return decodeText(this.cursor(value).cString());
      case dw.DW_FORM_line_strp:
        return decodeText(readCString(file.require(".debug_line_str"), value));
      case dw.DW_FORM_strp:
        return decodeText(readCString(file.require(".debug_str"), value));
      default: {
        // DW_FORM_strx*: only a split file's own line table has them, and it has one contribution (§7.26).
        const size = this.offsetSize;
        const at = (size === 8 ? 16 : 8) + value * size;
        return decodeText(readCString(file.require(".debug_str"), readInteger(file, ".debug_str_offsets", at, size)));
      }
    }
  }

  /** Versions 2 to 4: lists of strings, each list ended by an empty one. */
  private readOldTables(cursor: Cursor): void {
    for (;;) {
      const value = cursor.position;
      if (cursor.cString().length === 0) break;
      this.add(this.directories, dw.DW_FORM_string, value, 0);
    }
    for (;;) {
      const value = cursor.position;
      if (cursor.cString().length === 0) break;
      const directory = cursor.uleb();
      cursor.skipLeb(); // time of modification
      cursor.skipLeb(); // length in bytes
      this.add(this.files, dw.DW_FORM_string, value, directory);
    }
  }

  /** Version 5: two tables that describe their own columns (§6.2.4.1). */
  private readTables(cursor: Cursor): void {
    this.readTable(cursor, this.directories);
    this.readTable(cursor, this.files);
  }

  private readTable(cursor: Cursor, list: FileNames): void {
    const contents: number[] = [];
    const forms: number[] = [];
    for (let count = cursor.u8(); count > 0; count--) {
      contents.push(cursor.uleb());
      forms.push(cursor.uleb());
    }
    const count = cursor.uleb();
    // Every form that may stand here takes a byte at least, so the header's length bounds the table.
    if (count > cursor.remaining || (count > 0 && forms.length === 0))
      throw cursor.malformed(`table of ${count} entries does not fit its header`);
    const shape = { addressSize: 8, offsetSize: this.offsetSize, refAddrSize: this.offsetSize };
    for (let i = 0; i < count; i++) {
      let form = 0;
      let name = 0;
      let directory = 0;
      for (let column = 0; column < forms.length; column++) {
        const value = readForm(cursor, forms[column], shape);
        if (contents[column] === dw.DW_LNCT_path) {
          form = forms[column];
          name = value;
        } else if (contents[column] === dw.DW_LNCT_directory_index) directory = value;
      }
      if (form === 0) throw cursor.malformed("table of files without names");
      this.add(list, form, name, directory);
    }
  }
}

type SpecialOpcodes = {
  readonly lineBase: number;
  readonly lineRange: number;
  operations: Uint8Array;
  lines: Int16Array;
};
/** Nearly all programs of a file have the same. */
let lastOpcodes: SpecialOpcodes | undefined;

function specialOpcodes(lineBase: number, lineRange: number): SpecialOpcodes {
  if (lastOpcodes?.lineBase === lineBase && lastOpcodes.lineRange === lineRange) return lastOpcodes;
  const operations = new Uint8Array(256);
  const lines = new Int16Array(256);
  for (let adjusted = 0; adjusted < 256; adjusted++) {
    // A line range of 0 is damage: such an opcode advances no address.
    operations[adjusted] = lineRange === 0 ? 0 : Math.floor(adjusted / lineRange);
    lines[adjusted] = lineBase + (lineRange === 0 ? 0 : adjusted % lineRange);
  }
  lastOpcodes = { lineBase, lineRange, operations, lines };
  return lastOpcodes;
}

function join(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** Whether a path is absolute, on Unix or on Windows: files are cross-compiled. */
function isAbsolute(path: string): boolean {
  return path.startsWith("/") || path.startsWith("\\\\") || /^[A-Za-z]:[\\/]/.test(path);
}
