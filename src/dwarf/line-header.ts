/**
 * The header of a line number program: its parameters, directories and files (DWARF 5 §6.2.4, DWARF 4 §6.2.4).
 *
 * Of each file only its directory and the place of its name are noted; a path is put together when it is printed.
 */

import { decodeText, type ReadBuffer, readCString } from "../base/bytes.ts";
import { Cursor } from "../base/cursor.ts";
import { LeaklineError } from "../base/errors.ts";
import { readForm } from "./attributes.ts";
import * as dw from "./constants.ts";
import type { DebugFile } from "./debug-file.ts";
import { Int32List } from "./growable.ts";
import { MAX_FILES } from "./limits.ts";
import { readInteger } from "./unit.ts";
import { readInitialLength, readSized } from "./unit-header.ts";

/** A name in a header: the value of a form, as attributes.ts reads it. */
type Name = { readonly form: number; readonly value: number };

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
  readonly specialOperations = new Uint8Array(256);
  readonly specialLines = new Int16Array(256);
  /** Where the program begins; it ends with `bytes`. */
  readonly programStart: number;
  readonly bytes: Uint8Array;
  private readonly file: DebugFile;
  private readonly directories: Name[] = [];
  private readonly names: Name[] = [];
  private readonly directoryOfFile = new Int32List();
  /** Where the last DW_LNE_define_file stood: the program may be run more than once. */
  private defined = 0;

  /**
   * @param room where the program's bytes are put: the header is then of use only until the next one is put there.
   * @throws MalformedError
   */
  constructor(file: DebugFile, offset: number, room?: ReadBuffer) {
    const section = file.require(".debug_line");
    this.file = file;
    this.offset = offset;
    const start = new Cursor(
      section.read(offset, Math.max(4, Math.min(12, section.size - offset))),
      file.littleEndian,
      file.name,
      ".debug_line",
      offset,
    );
    const { length, offsetSize } = readInitialLength(start);
    this.offsetSize = offsetSize;
    const size = start.position + length;
    this.bytes = room ? room.read(section, offset, size) : section.read(offset, size);
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
    for (let adjusted = 0; adjusted < 256; adjusted++) {
      // A line range of 0 is damage: such an opcode advances no address.
      this.specialOperations[adjusted] = this.lineRange === 0 ? 0 : Math.floor(adjusted / this.lineRange);
      this.specialLines[adjusted] = this.lineBase + (this.lineRange === 0 ? 0 : adjusted % this.lineRange);
    }
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
    return { first: this.version >= 5 ? 0 : 1, count: this.names.length };
  }

  /**
   * The path of a file: its name, behind its directory and the compilation directory while the path is relative. Nothing
   * is normalized. So do gimli and llvm-symbolizer; older readers repeat a relative compilation directory in version 5.
   *
   * @param number as rows and DIEs state it: from 1, in version 5 from 0.
   * @returns undefined when there is no such file.
   */
  path(number: number, compDir: string | undefined): string | undefined {
    const index = this.version >= 5 ? number : number - 1;
    const named = this.names[index];
    if (named === undefined) return undefined;
    const name = this.text(named);
    if (isAbsolute(name)) return name;
    const directoryIndex = this.directoryOfFile.values[index];
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
    if (isNew) this.addFile({ form: dw.DW_FORM_string, value }, directory);
  }

  private addDirectory(name: Name): void {
    this.checkCount(this.directories);
    this.directories.push(name);
  }

  private addFile(name: Name, directory: number): void {
    this.checkCount(this.names);
    this.names.push(name);
    this.directoryOfFile.push(Math.min(directory, 0x7fffffff));
  }

  private checkCount(list: readonly Name[]): void {
    if (list.length >= MAX_FILES)
      throw new LeaklineError("limit", `${this.file.name}: line program with more than ${MAX_FILES} files`);
  }

  private directory(index: number): string | undefined {
    // Before version 5, directory 0 is the compilation directory and is not in the list.
    const name = this.directories[this.version >= 5 ? index : index - 1];
    return name && this.text(name);
  }

  private text(name: Name): string {
    const { file } = this;
    switch (name.form) {
      case dw.DW_FORM_string:
        return decodeText(this.cursor(name.value).cString());
      case dw.DW_FORM_line_strp:
        return decodeText(readCString(file.require(".debug_line_str"), name.value));
      case dw.DW_FORM_strp:
        return decodeText(readCString(file.require(".debug_str"), name.value));
      default: {
        // DW_FORM_strx*: only a split file's own line table has them, and it has one contribution (§7.26).
        const size = this.offsetSize;
        const at = (size === 8 ? 16 : 8) + name.value * size;
        return decodeText(readCString(file.require(".debug_str"), readInteger(file, ".debug_str_offsets", at, size)));
      }
    }
  }

  /** Versions 2 to 4: lists of strings, each list ended by an empty one. */
  private readOldTables(cursor: Cursor): void {
    for (;;) {
      const value = cursor.position;
      if (cursor.cString().length === 0) break;
      this.addDirectory({ form: dw.DW_FORM_string, value });
    }
    for (;;) {
      const value = cursor.position;
      if (cursor.cString().length === 0) break;
      const directory = cursor.uleb();
      cursor.skipLeb(); // time of modification
      cursor.skipLeb(); // length in bytes
      this.addFile({ form: dw.DW_FORM_string, value }, directory);
    }
  }

  /** Version 5: two tables that describe their own columns (§6.2.4.1). */
  private readTables(cursor: Cursor): void {
    this.readTable(cursor, (name) => this.addDirectory(name));
    this.readTable(cursor, (name, directory) => this.addFile(name, directory));
  }

  private readTable(cursor: Cursor, add: (name: Name, directory: number) => void): void {
    const columns: { content: number; form: number }[] = [];
    for (let count = cursor.u8(); count > 0; count--) columns.push({ content: cursor.uleb(), form: cursor.uleb() });
    const count = cursor.uleb();
    // Every form that may stand here takes a byte at least, so the header's length bounds the table.
    if (count > cursor.remaining || (count > 0 && columns.length === 0))
      throw cursor.malformed(`table of ${count} entries does not fit its header`);
    const shape = { addressSize: 8, offsetSize: this.offsetSize, refAddrSize: this.offsetSize };
    for (let i = 0; i < count; i++) {
      let name: Name | undefined;
      let directory = 0;
      for (const { content, form } of columns) {
        const value = readForm(cursor, form, shape);
        if (content === dw.DW_LNCT_path) name = { form, value };
        else if (content === dw.DW_LNCT_directory_index) directory = value;
      }
      if (name === undefined) throw cursor.malformed("table of files without names");
      add(name, directory);
    }
  }
}

function join(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

/** Whether a path is absolute, on Unix or on Windows: files are cross-compiled. */
function isAbsolute(path: string): boolean {
  return path.startsWith("/") || path.startsWith("\\\\") || /^[A-Za-z]:[\\/]/.test(path);
}
