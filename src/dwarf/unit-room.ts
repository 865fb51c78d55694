/**
 * Room for one unit after another, as a batch reads them: bytes, abbreviations and lists of files are put where those of
 * the last unit stood, so that a thousand units leave nothing for the garbage collector.
 */

import { Cursor } from "../base/cursor.ts";
import type { WasmWindow } from "../base/wasm-window.ts";
import { AbbreviationTable } from "./abbreviations.ts";
import type { DebugFile } from "./debug-file.ts";
import { FileNames } from "./file-names.ts";
import { abbreviationKey, MAX_HEADER_SIZE, readUnitHeader, type UnitHeader } from "./unit-header.ts";

/** What is in it is of use only until the next unit is read into it. All units must be of one file. */
export class UnitRoom {
  readonly bytes: WasmWindow;
  private table: AbbreviationTable | undefined;
  private tableKey: number | undefined;

  constructor(bytes: WasmWindow) {
    this.bytes = bytes;
  }

  /** @throws MalformedError when there is no sound unit header at this offset of .debug_info. */
  header(file: DebugFile, offset: number): UnitHeader {
    const section = file.require(".debug_info");
    const length = Math.max(1, Math.min(MAX_HEADER_SIZE, section.size - offset));
    const bytes = this.bytes.read(section, offset, length);
    return readUnitHeader(new Cursor(bytes, file.littleEndian, section.name, "section", offset), section.size, false);
  }

  abbreviations(file: DebugFile, header: UnitHeader): AbbreviationTable {
    const key = abbreviationKey(header);
    if (this.table && this.tableKey === key) return this.table;
    this.tableKey = undefined;
    const { abbreviationOffset } = header;
    const section = file.lists(".debug_abbrev", abbreviationOffset);
    if (this.table) this.table.read(section, header);
    else this.table = new AbbreviationTable(section, header);
    this.tableKey = key;
    return this.table;
  }
}

/** Likewise for a unit's line program and the names in its header. */
export class LineRoom {
  readonly bytes: WasmWindow;
  readonly directories = new FileNames();
  readonly files = new FileNames();

  constructor(bytes: WasmWindow) {
    this.bytes = bytes;
  }
}
