/**
 * XXH64 with seed 0 (the xxHash specification 0.1.1, "XXH64 Algorithm Description"), of which Zstandard keeps the low
 * 32 bits.
 *
 * A 64-bit number is two halves in an Int32Array, high half first: BigInt takes fifty times as long.
 */

const PRIME_1 = Int32Array.of(0x9e3779b1, 0x85ebca87);
const PRIME_2 = Int32Array.of(0xc2b2ae3d, 0x27d4eb4f);
const PRIME_3 = Int32Array.of(0x165667b1, 0x9e3779f9);
const PRIME_4 = Int32Array.of(0x85ebca77, 0xc2b2ae63);
const PRIME_5 = Int32Array.of(0x27d4eb2f, 0x165667c5);

/** The low half of the hash, unsigned. */
export function xxh64Low(bytes: Uint8Array): number {
  const hash = new Int32Array(2);
  const word = new Int32Array(2);
  let at = 0;
  if (bytes.length >= 32) {
    const lanes = [new Int32Array(2), new Int32Array(2), new Int32Array(2), new Int32Array(2)];
    add(lanes[0], PRIME_1);
    add(lanes[0], PRIME_2);
    add(lanes[1], PRIME_2);
    subtract(lanes[3], PRIME_1);
    for (; at + 32 <= bytes.length; at += 32) {
      for (let i = 0; i < 4; i++) {
        load(word, bytes, at + 8 * i);
        round(lanes[i], word);
      }
    }
    const turned = new Int32Array(2);
    for (const [i, lane] of lanes.entries()) {
      turned.set(lane);
      rotate(turned, [1, 7, 12, 18][i]);
      add(hash, turned);
    }
    const merged = new Int32Array(2);
    for (const lane of lanes) {
      merged.fill(0);
      round(merged, lane);
      xor(hash, merged);
      multiply(hash, PRIME_1);
      add(hash, PRIME_4);
    }
  } else add(hash, PRIME_5);
  add(hash, Int32Array.of(Math.floor(bytes.length / 2 ** 32), bytes.length));

  const lane = new Int32Array(2);
  for (; at + 8 <= bytes.length; at += 8) {
    load(word, bytes, at);
    lane.fill(0);
    round(lane, word);
    mix(hash, lane, 27, PRIME_1, PRIME_4);
  }
  for (; at + 4 <= bytes.length; at += 4) {
    lane[0] = 0;
    lane[1] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    multiply(lane, PRIME_1);
    mix(hash, lane, 23, PRIME_2, PRIME_3);
  }
  for (; at < bytes.length; at++) {
    lane[0] = 0;
    lane[1] = bytes[at];
    multiply(lane, PRIME_5);
    mix(hash, lane, 11, PRIME_1, ZERO);
  }
  xorShift(hash, 33);
  multiply(hash, PRIME_2);
  xorShift(hash, 29);
  multiply(hash, PRIME_3);
  xorShift(hash, 32);
  return hash[1] >>> 0;
}

const ZERO = new Int32Array(2);

function round(lane: Int32Array, word: Int32Array): void {
  WORK.set(word);
  multiply(WORK, PRIME_2);
  add(lane, WORK);
  rotate(lane, 31);
  multiply(lane, PRIME_1);
}

const WORK = new Int32Array(2);

function mix(hash: Int32Array, lane: Int32Array, turn: number, factor: Int32Array, summand: Int32Array): void {
  xor(hash, lane);
  rotate(hash, turn);
  multiply(hash, factor);
  add(hash, summand);
}

function load(word: Int32Array, bytes: Uint8Array, at: number): void {
  word[1] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  word[0] = bytes[at + 4] | (bytes[at + 5] << 8) | (bytes[at + 6] << 16) | (bytes[at + 7] << 24);
}

function add(a: Int32Array, b: Int32Array): void {
  const low = (a[1] >>> 0) + (b[1] >>> 0);
  a[0] = a[0] + b[0] + (low > 0xffffffff ? 1 : 0);
  a[1] = low;
}

function subtract(a: Int32Array, b: Int32Array): void {
  const low = (a[1] >>> 0) - (b[1] >>> 0);
  a[0] = a[0] - b[0] - (low < 0 ? 1 : 0);
  a[1] = low;
}

function xor(a: Int32Array, b: Int32Array): void {
  a[0] ^= b[0];
  a[1] ^= b[1];
}

/** To the left, by 1 to 31 bits. */
function rotate(a: Int32Array, by: number): void {
  const high = a[0];
  a[0] = (high << by) | (a[1] >>> (32 - by));
  a[1] = (a[1] << by) | (high >>> (32 - by));
}

/** a ^= a >> by, for 1 to 63 bits. */
function xorShift(a: Int32Array, by: number): void {
  const high = a[0];
  if (by < 32) {
    a[0] ^= high >>> by;
    a[1] ^= (a[1] >>> by) | (high << (32 - by));
  } else a[1] ^= high >>> (by - 32);
}

/** Modulo 2^64. The low halves are multiplied in pieces of 16 bits, to get all 64 bits of their product. */
function multiply(a: Int32Array, b: Int32Array): void {
  const low = a[1];
  const a0 = low & 0xffff;
  const a1 = low >>> 16;
  const b0 = b[1] & 0xffff;
  const b1 = b[1] >>> 16;
  const bottom = a0 * b0;
  const middle = a1 * b0 + (bottom >>> 16);
  const crossed = a0 * b1 + (middle & 0xffff);
  const carry = a1 * b1 + Math.floor(middle / 65536) + Math.floor(crossed / 65536);
  a[0] = Math.imul(a[0], b[1]) + Math.imul(low, b[0]) + (carry | 0);
  a[1] = Math.imul(low, b[1]);
}
