/**
 * The LZMA decoder proper: a range coder and the packets it codes (Igor Pavlov, "LZMA specification", 2015).
 *
 * The whole output is one array, which is also the dictionary, so that a match is a copy within it. How much to decode
 * and when to reset is decided by LZMA2, one layer up. Probabilities stand in one array, at the offsets below.
 */

const STATES = 12;
const POSITION_STATES = 16;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const DISTANCE_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
const DISTANCE_SPECIAL = DISTANCE_SLOT + 4 * 64;
const DISTANCE_ALIGN = DISTANCE_SPECIAL + 115;
const LENGTH = DISTANCE_ALIGN + 16;
// A length decoder: two choice bits, a low and a middle tree of 8 for each position state, one high tree of 256.
const LENGTH_LOW = 2;
const LENGTH_MIDDLE = LENGTH_LOW + POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + POSITION_STATES * 8;
const REP_LENGTH = LENGTH + LENGTH_HIGH + 256;
const LITERAL = REP_LENGTH + LENGTH_HIGH + 256;
/** LZMA2 allows lc + lp up to 4. */
const PROBABILITIES = LITERAL + (0x300 << 4);

const PROBABILITY_BITS = 11;
const ADAPTATION = 5;
const MIN_MATCH = 2;

export class LzmaDecoder {
  readonly input: Uint8Array;
  readonly output: Uint8Array;
  inputAt = 0;
  outputAt = 0;
  /** Where the dictionary starts: no match may reach before it, and positions count from here. */
  dictionaryStart = 0;

  private readonly probabilities = new Uint16Array(PROBABILITIES);
  private range = 0;
  private code = 0;
  private state = 0;
  private rep0 = 0;
  private rep1 = 0;
  private rep2 = 0;
  private rep3 = 0;
  private literalContextBits = 0;
  private literalPositionMask = 0;
  private positionMask = 0;

  constructor(input: Uint8Array, output: Uint8Array) {
    this.input = input;
    this.output = output;
  }

  /** @returns false when the properties byte is not one that LZMA2 allows. */
  setProperties(byte: number): boolean {
    const lc = byte % 9;
    const lp = Math.floor(byte / 9) % 5;
    const pb = Math.floor(byte / 45);
    if (pb > 4 || lc + lp > 4) return false;
    this.literalContextBits = lc;
    this.literalPositionMask = (1 << lp) - 1;
    this.positionMask = (1 << pb) - 1;
    return true;
  }

  resetState(): void {
    this.probabilities.fill(1 << (PROBABILITY_BITS - 1));
    this.state = 0;
    this.rep0 = this.rep1 = this.rep2 = this.rep3 = 0;
  }

  /**
   * Decodes packets from `inputAt` on until the output is filled up to `outputEnd`.
   *
   * Reading past the input gives zeros: the caller compares `inputAt` afterwards.
   *
   * @returns false when the data is damaged.
   */
  decode(outputEnd: number): boolean {
    if (!this.startRangeCoder()) return false;
    while (this.outputAt < outputEnd) {
      const positionState = (this.outputAt - this.dictionaryStart) & this.positionMask;
      if (this.bit(IS_MATCH + this.state * POSITION_STATES + positionState) === 0) this.literal();
      else if (!this.match(positionState, outputEnd)) return false;
    }
    this.normalize();
    return this.code === 0;
  }

  private startRangeCoder(): boolean {
    const first = this.input[this.inputAt];
    this.range = 0xffffffff;
    this.code = 0;
    for (let i = 1; i <= 4; i++) this.code = ((this.code << 8) | this.input[this.inputAt + i]) >>> 0;
    this.inputAt += 5;
    return first === 0;
  }

  private normalize(): void {
    if (this.range >= 1 << 24) return;
    this.range = (this.range << 8) >>> 0;
    this.code = ((this.code << 8) | this.input[this.inputAt++]) >>> 0;
  }

  /** One bit, coded with the probability at `index`, which adapts. */
  private bit(index: number): number {
    this.normalize();
    const probability = this.probabilities[index];
    const bound = (this.range >>> PROBABILITY_BITS) * probability;
    if (this.code < bound) {
      this.range = bound;
      this.probabilities[index] = probability + (((1 << PROBABILITY_BITS) - probability) >> ADAPTATION);
      return 0;
    }
    this.range -= bound;
    this.code -= bound;
    this.probabilities[index] = probability - (probability >> ADAPTATION);
    return 1;
  }

  /** `count` bits without probabilities. */
  private directBits(count: number): number {
    let result = 0;
    for (let i = 0; i < count; i++) {
      this.normalize();
      this.range = this.range >>> 1;
      const bit = this.code >= this.range ? 1 : 0;
      if (bit) this.code -= this.range;
      result = (result << 1) | bit;
    }
    return result;
  }

  /** A number of `bits` bits, the highest first, each with a probability of its own in the tree at `base`. */
  private tree(base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(base + node);
    return node - (1 << bits);
  }

  /** The same with the lowest bit first. */
  private reverseTree(base: number, bits: number): number {
    let node = 1;
    let result = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(base + node);
      node = (node << 1) | bit;
      result |= bit << i;
    }
    return result;
  }

  private literal(): void {
    const at = this.outputAt;
    const position = at - this.dictionaryStart;
    const previous = position > 0 ? this.output[at - 1] : 0;
    const context =
      ((position & this.literalPositionMask) << this.literalContextBits) + (previous >> (8 - this.literalContextBits));
    const base = LITERAL + 0x300 * context;
    let symbol = 1;
    if (this.state >= 7) {
      // After a match, the byte that the match would have continued with is a good guess; `match` checked the distance.
      let guess = this.output[at - this.rep0 - 1];
      while (symbol < 0x100) {
        const guessBit = (guess >> 7) & 1;
        guess <<= 1;
        const bit = this.bit(base + ((1 + guessBit) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (bit !== guessBit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.bit(base + symbol);
    this.output[at] = symbol & 0xff;
    this.outputAt = at + 1;
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** A match, at a new distance or at one of the last four. @returns false when it reaches outside the dictionary or past `outputEnd`. */
  private match(positionState: number, outputEnd: number): boolean {
    const state = this.state;
    let length: number;
    if (this.bit(IS_REP + state) === 0) {
      this.rep3 = this.rep2;
      this.rep2 = this.rep1;
      this.rep1 = this.rep0;
      length = this.length(LENGTH, positionState);
      this.rep0 = this.distance(length);
      this.state = state < 7 ? 7 : 10;
    } else if (this.repeatsOneByte(positionState)) {
      length = 1;
      this.state = state < 7 ? 9 : 11;
    } else {
      length = this.length(REP_LENGTH, positionState);
      this.state = state < 7 ? 8 : 11;
    }
    const output = this.output;
    const at = this.outputAt;
    const from = at - this.rep0 - 1;
    if (from < this.dictionaryStart || length > outputEnd - at) return false;
    // Byte by byte: source and destination may overlap, and then the copied bytes repeat.
    for (let i = 0; i < length; i++) output[at + i] = output[from + i];
    this.outputAt = at + length;
    return true;
  }

  /** Moves the repeated distance to rep0. @returns true for the short form: one byte, no length follows. */
  private repeatsOneByte(positionState: number): boolean {
    const state = this.state;
    if (this.bit(IS_REP_G0 + state) === 0)
      return this.bit(IS_REP0_LONG + state * POSITION_STATES + positionState) === 0;
    let distance = this.rep1;
    if (this.bit(IS_REP_G1 + state)) {
      distance = this.rep2;
      if (this.bit(IS_REP_G2 + state)) {
        distance = this.rep3;
        this.rep3 = this.rep2;
      }
      this.rep2 = this.rep1;
    }
    this.rep1 = this.rep0;
    this.rep0 = distance;
    return false;
  }

  private length(base: number, positionState: number): number {
    if (this.bit(base) === 0) return MIN_MATCH + this.tree(base + LENGTH_LOW + positionState * 8, 3);
    if (this.bit(base + 1) === 0) return MIN_MATCH + 8 + this.tree(base + LENGTH_MIDDLE + positionState * 8, 3);
    return MIN_MATCH + 16 + this.tree(base + LENGTH_HIGH, 8);
  }

  /** A distance minus one: a slot gives its two highest bits and its length, the rest follows. */
  private distance(length: number): number {
    const slot = this.tree(DISTANCE_SLOT + Math.min(length - MIN_MATCH, 3) * 64, 6);
    if (slot < 4) return slot;
    const count = (slot >> 1) - 1;
    const high = ((2 | (slot & 1)) << count) >>> 0;
    if (slot < 14) return high + this.reverseTree(DISTANCE_SPECIAL + high - slot, count);
    const middle = (this.directBits(count - 4) << 4) >>> 0;
    return high + middle + this.reverseTree(DISTANCE_ALIGN, 4);
  }
}
