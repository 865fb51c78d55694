/**
 * CRC-32 (IEEE 802.3) and CRC-64 (ECMA-182), reflected, as the xz format uses them (xz file format §6).
 *
 * CRC-32 is also what `.gnu_debuglink` holds. The 64-bit one works on two 32-bit halves: BigInt would be a hundred times slower.
 */

const CRC32 = 0xedb88320;
const CRC64_HIGH = 0xc96c5795;
const CRC64_LOW = 0xd7870f42;

type Tables = { crc32: Uint32Array; high: Uint32Array; low: Uint32Array };

let tables: Tables | undefined;

/** Made when they are first needed: that takes a millisecond. */
function makeTables(): Tables {
  const made = { crc32: new Uint32Array(256), high: new Uint32Array(256), low: new Uint32Array(256) };
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    let high = 0;
    let low = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc & 1 ? (crc >>> 1) ^ CRC32 : crc >>> 1;
      const odd = low & 1;
      low = (low >>> 1) | (high << 31);
      high = high >>> 1;
      if (odd) {
        low ^= CRC64_LOW;
        high ^= CRC64_HIGH;
      }
    }
    made.crc32[byte] = crc;
    made.high[byte] = high;
    made.low[byte] = low;
  }
  return made;
}

/**
 * CRC-32 of `bytes`.
 *
 * @param previous the CRC of what came before, to compute one over several pieces.
 */
export function crc32(bytes: Uint8Array, previous = 0): number {
  tables ??= makeTables();
  const table = tables.crc32;
  let crc = ~previous;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CRC-64 of `bytes`, as its low and high 32 bits. */
export function crc64(bytes: Uint8Array): { low: number; high: number } {
  tables ??= makeTables();
  const { high: highs, low: lows } = tables;
  let low = -1;
  let high = -1;
  for (let i = 0; i < bytes.length; i++) {
    const index = (low ^ bytes[i]) & 0xff;
    low = lows[index] ^ ((low >>> 8) | (high << 24));
    high = highs[index] ^ (high >>> 8);
  }
  return { low: ~low >>> 0, high: ~high >>> 0 };
}
