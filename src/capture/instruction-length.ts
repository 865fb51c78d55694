/**
 * How long an instruction is (x86-64): prefixes, REX, VEX or EVEX, opcode, ModR/M, SIB, displacement, immediate (Intel
 * SDM volume 2, chapter 2 and appendix A).
 *
 * For code that compilers make for user space. What is invalid in 64-bit mode, privileged, of vendors' own or newer than
 * AVX-512 has no length here: whoever asks must then do without.
 */

/** Operand size, address size, repeats, segments, lock. */
export function isPrefix(byte: number): boolean {
  return (
    byte === 0x66 ||
    byte === 0x67 ||
    byte === 0xf2 ||
    byte === 0xf3 ||
    byte === 0xf0 ||
    byte === 0x64 ||
    byte === 0x65 ||
    byte === 0x2e ||
    byte === 0x36 ||
    byte === 0x3e ||
    byte === 0x26
  );
}

/** The longest that a processor executes. */
const MAX_LENGTH = 15;

/**
 * What follows an opcode: `m` a ModR/M byte; `b`, `w`, `z`, `v`, `o` an immediate of 1, 2, 4 (2 with the operand-size
 * prefix), 4 (8 with REX.W, 2 with the prefix), 8 bytes; `j` four bytes of distance; `g` what the unary group 3 has;
 * `-` nothing; a space: no such instruction here. 16 opcodes a line.
 */
type Kinds = string;

/** Entries are two characters: ModR/M or not, then the immediate. */
const ONE_BYTE: readonly Kinds[] = [
  "m-m-m-m--b-z    m-m-m-m--b-z    ", // 0
  "m-m-m-m--b-z    m-m-m-m--b-z    ", // 1
  "m-m-m-m--b-z    m-m-m-m--b-z    ", // 2
  "m-m-m-m--b-z    m-m-m-m--b-z    ", // 3
  "                                ", // 4: REX
  "--------------------------------", // 5
  "      m-        -zmz-bmb--------", // 6
  "-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b-b", // 7
  "mbmz  mbm-m-m-m-m-m-m-m-m-m-m-m-", // 8
  "--------------------  ----------", // 9
  "-o-o-o-o---------b-z------------", // a
  "-b-b-b-b-b-b-b-b-v-v-v-v-v-v-v-v", // b
  "mbmb-w--    mbmz  --    ---b    ", // c
  "m-m-m-m-      --m-m-m-m-m-m-m-m-", // d
  "-b-b-b-b        -j-j  -b        ", // e
  "        ----mgmg--------  --m-m-", // f
];

/** After 0f. */
const TWO_BYTE: readonly Kinds[] = [
  "          --          --  m-    ", // 0: syscall, ud2, prefetch
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // 1
  "                m-m-m-m-m-m-m-m-", // 2
  "  --                            ", // 3: rdtsc
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // 4
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // 5
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // 6
  "mbmbmbmbm-m-m---m-m-    m-m-m-m-", // 7
  "-j-j-j-j-j-j-j-j-j-j-j-j-j-j-j-j", // 8
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // 9
  "    --m-mbm-          m-mbm-m-m-", // a
  "m-m-m-m-m-m-m-m-m-m-mbm-m-m-m-m-", // b
  "m-m-mbm-mbmbmbm-----------------", // c
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // d
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-", // e
  "m-m-m-m-m-m-m-m-m-m-m-m-m-m-m-  ", // f
];

/** @returns bytes; undefined when it is not known here, or the code ends before it does. */
export function instructionLength(code: Uint8Array, start: number): number | undefined {
  let at = start;
  let shortOperands = false;
  let shortAddresses = false;
  for (; isPrefix(code[at]); at++) {
    if (code[at] === 0x66) shortOperands = true;
    if (code[at] === 0x67) shortAddresses = true;
  }
  const rex = (code[at] & 0xf0) === 0x40 ? code[at++] : 0;
  const wide = (rex & 8) !== 0;
  let opcode = code[at++];
  let kind: Kinds;
  if (opcode === 0xc4 || opcode === 0xc5 || opcode === 0x62) {
    // Three, two and four bytes; the opcode map is in the low bits of the second, but in two bytes it is 0f's.
    if (rex) return undefined;
    const map = opcode === 0xc5 ? 1 : code[at] & (opcode === 0xc4 ? 31 : 7);
    at += opcode === 0xc5 ? 1 : opcode === 0xc4 ? 2 : 3;
    opcode = code[at++];
    if (map < 1 || map > 3) return undefined;
    // vzeroupper is the only one without operands; the others have an immediate where their likes have.
    kind = map === 3 ? "mb" : map === 2 ? "m-" : kindIn(TWO_BYTE, opcode);
  } else if (opcode === 0x0f) {
    opcode = code[at++];
    if (opcode === 0x38 || opcode === 0x3a) {
      at++;
      kind = opcode === 0x38 ? "m-" : "mb";
    } else kind = kindIn(TWO_BYTE, opcode);
  } else kind = kindIn(ONE_BYTE, opcode);
  if (kind === "  " || kind === "") return undefined;

  const group = (code[at] >> 3) & 7;
  if (opcode === 0xc7 && kind === "mz" && group !== 0) return undefined; // xbegin, a jump of its kind
  if (kind[0] === "m") at += operandLength(code, at);
  const immediate = immediateLength(kind[1], {
    group,
    wide,
    shortOperands,
    shortAddresses,
    isByte: (opcode & 1) === 0,
  });
  if (immediate === undefined) return undefined;
  at += immediate;
  return at <= code.length && at - start <= MAX_LENGTH ? at - start : undefined;
}

function kindIn(map: readonly Kinds[], opcode: number): Kinds {
  return opcode === undefined ? "" : map[opcode >> 4].slice((opcode & 15) * 2, (opcode & 15) * 2 + 2);
}

type Sizes = { group: number; wide: boolean; shortOperands: boolean; shortAddresses: boolean; isByte: boolean };

function immediateLength(kind: string, { group, wide, shortOperands, shortAddresses, isByte }: Sizes) {
  const operand = shortOperands && !wide ? 2 : 4;
  switch (kind) {
    case "-":
      return 0;
    case "b":
      return 1;
    case "w":
      return 2;
    case "z":
      return operand;
    case "v":
      return wide ? 8 : operand;
    case "o":
      return shortAddresses ? 4 : 8;
    case "j":
      // Processors differ in what the prefix makes of the distance.
      return shortOperands && !wide ? undefined : 4;
    default: // test has an immediate, the others of its group have none
      return group > 1 ? 0 : isByte ? 1 : operand;
  }
}

/** Bytes of ModR/M, SIB and displacement. */
export function operandLength(code: Uint8Array, at: number): number {
  const mod = code[at] >> 6;
  const rm = code[at] & 7;
  if (mod === 3) return 1;
  const hasSib = rm === 4;
  const sib = hasSib ? 1 : 0;
  if (mod === 1) return 2 + sib;
  if (mod === 2) return 5 + sib;
  const hasDisplacement = rm === 5 || (hasSib && (code[at + 1] & 7) === 5);
  return 1 + sib + (hasDisplacement ? 4 : 0);
}
