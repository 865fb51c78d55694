/**
 * Reading numbers out of memory, in either byte order.
 *
 * Nothing here checks where the bytes end: whoever reads them looks at `position` afterwards. Behind all bytes that were
 * given stand zeros, `PADDING` of them, which end every LEB128 and are more than any number of fixed size.
 */

/** A LEB128 of more bytes than this is no number of 64 bits. As Cursor has it. */
const MAX_LEB: u32 = 12;

/** The first byte of memory that is free. */
export function firstFree(): u32 {
  return <u32>__heap_base;
}

/** Behind what was read last. */
export let position: u32 = 0;
/** Whether a LEB128 was too long. */
export let damaged: bool = false;

let bigEndian: bool = false;

export function setByteOrder(littleEndian: bool): void {
  bigEndian = !littleEndian;
}

export function seek(to: u32): void {
  position = to;
  damaged = false;
}

export function skip(count: u32): void {
  position += count;
}

/** An unsigned LEB128 (DWARF 5 §7.6), without the bits above the 64th. */
export function uleb(): u64 {
  let at = position;
  let byte: u64 = load<u8>(at++);
  let value = byte & 0x7f;
  for (let shift: u64 = 7; byte >= 0x80; shift += 7) {
    byte = load<u8>(at++);
    if (shift < 64) value |= (byte & 0x7f) << shift;
    if (at - position > MAX_LEB) {
      damaged = true;
      break;
    }
  }
  position = at;
  return value;
}

/** Likewise; what is larger than 32 bits becomes the largest number of 32 bits, which is no code, tag, name or form. */
export function uleb32(): u32 {
  const value = uleb();
  return value > 0xffffffff ? 0xffffffff : <u32>value;
}

/** A signed LEB128. */
export function sleb(): i64 {
  let at = position;
  let value: i64 = 0;
  let shift: u64 = 0;
  let byte: u64;
  do {
    byte = load<u8>(at++);
    if (shift < 64) value |= <i64>((byte & 0x7f) << shift);
    shift += 7;
    if (at - position > MAX_LEB) {
      damaged = true;
      break;
    }
  } while (byte >= 0x80);
  position = at;
  return shift < 64 && (byte & 0x40) !== 0 ? value | (-1 << (<i64>shift)) : value;
}

export function u16At(at: u32): u32 {
  const value = load<u16>(at);
  return bigEndian ? bswap<u16>(value) : value;
}

export function u32At(at: u32): u32 {
  const value = load<u32>(at);
  return bigEndian ? bswap<u32>(value) : value;
}

/** Signed, as addresses are (base/address.ts). */
export function i64At(at: u32): f64 {
  const value = load<i64>(at);
  return <f64>(bigEndian ? bswap<i64>(value) : value);
}
