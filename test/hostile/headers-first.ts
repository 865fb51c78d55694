/**
 * An ELF file with its section headers and their names moved to the front.
 *
 * Linkers put both at the end, so that a file that is cut short has lost the way to everything. With them in front, each
 * cut leaves some sections whole, one cut in two, and the others missing.
 */

/** gABI 4, for 64-bit little-endian files: sizes of the headers, and places of fields in them. */
const FILE_HEADER = 64;
const SECTION_HEADER = 64;
const E_SHOFF = 40;
const E_SHNUM = 60;
const E_SHSTRNDX = 62;
const SH_OFFSET = 24;
const SH_SIZE = 32;

export function withHeadersFirst(bytes: Uint8Array): Uint8Array {
  const old = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tableStart = Number(old.getBigUint64(E_SHOFF, true));
  const count = old.getUint16(E_SHNUM, true);
  const nameHeader = tableStart + old.getUint16(E_SHSTRNDX, true) * SECTION_HEADER;
  const namesStart = Number(old.getBigUint64(nameHeader + SH_OFFSET, true));
  const namesSize = Number(old.getBigUint64(nameHeader + SH_SIZE, true));
  const tableSize = count * SECTION_HEADER;
  const shift = tableSize + namesSize;

  const result = new Uint8Array(bytes.length + shift);
  result.set(bytes.subarray(0, FILE_HEADER));
  result.set(bytes.subarray(tableStart, tableStart + tableSize), FILE_HEADER);
  result.set(bytes.subarray(namesStart, namesStart + namesSize), FILE_HEADER + tableSize);
  result.set(bytes.subarray(FILE_HEADER), FILE_HEADER + shift);

  const view = new DataView(result.buffer);
  view.setBigUint64(E_SHOFF, BigInt(FILE_HEADER), true);
  for (let i = 0; i < count; i++) {
    const field = FILE_HEADER + i * SECTION_HEADER + SH_OFFSET;
    const offset = Number(view.getBigUint64(field, true));
    const moved = offset === namesStart ? FILE_HEADER + tableSize : offset + shift;
    if (offset > 0) view.setBigUint64(field, BigInt(moved), true);
  }
  return result;
}
