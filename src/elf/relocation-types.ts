/**
 * What each relocation type does, machine by machine: those that compilers write into debug information and unwind
 * tables. Numbers and formulas are those of the processor supplements to the System V ABI (psABI) named below.
 */

import { EM_386, EM_AARCH64, EM_ARM, EM_BPF, EM_PPC, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64 } from "./constants.ts";

/**
 * With S the symbol's value, A the addend, P the place, V what stands there:
 * `set` S + A; `relative` S + A - P; `add` V + S + A; `subtract` V - S - A; `none` nothing.
 */
export type RelocationFormula = "none" | "set" | "relative" | "add" | "subtract";

export type RelocationKind = {
  readonly formula: RelocationFormula;
  /** Bytes of the place; `low6` is the low six bits of one byte, `uleb` a ULEB128 whose length stays as it is. */
  readonly width: 1 | 2 | 4 | 8 | "low6" | "uleb";
};

export type RelocationKinds = ReadonlyMap<number, RelocationKind>;

function kinds(rows: readonly (readonly [number, RelocationFormula, RelocationKind["width"]])[]): RelocationKinds {
  return new Map(rows.map(([type, formula, width]) => [type, { formula, width }]));
}

/** By `e_machine`, then by relocation type. */
export const RELOCATION_KINDS: ReadonlyMap<number, RelocationKinds> = new Map([
  [
    EM_X86_64, // System V ABI, AMD64 supplement, "Relocation Types"
    kinds([
      [0, "none", 8], // R_X86_64_NONE
      [1, "set", 8], // R_X86_64_64
      [2, "relative", 4], // R_X86_64_PC32
      [10, "set", 4], // R_X86_64_32
      [11, "set", 4], // R_X86_64_32S
      [17, "set", 8], // R_X86_64_DTPOFF64
      [21, "set", 4], // R_X86_64_DTPOFF32
      [24, "relative", 8], // R_X86_64_PC64
    ]),
  ],
  [
    EM_386, // System V ABI, Intel386 supplement, "Relocation Types"
    kinds([
      [0, "none", 4], // R_386_NONE
      [1, "set", 4], // R_386_32
      [2, "relative", 4], // R_386_PC32
      [32, "set", 4], // R_386_TLS_LDO_32
    ]),
  ],
  [
    EM_AARCH64, // ELF for the Arm 64-bit Architecture, "Relocation"
    kinds([
      [0, "none", 8], // R_AARCH64_NONE
      [257, "set", 8], // R_AARCH64_ABS64
      [258, "set", 4], // R_AARCH64_ABS32
      [259, "set", 2], // R_AARCH64_ABS16
      [260, "relative", 8], // R_AARCH64_PREL64
      [261, "relative", 4], // R_AARCH64_PREL32
      [1029, "set", 8], // R_AARCH64_TLS_DTPREL
    ]),
  ],
  [
    EM_ARM, // ELF for the Arm Architecture, "Relocation"
    kinds([
      [0, "none", 4], // R_ARM_NONE
      [2, "set", 4], // R_ARM_ABS32
      [3, "relative", 4], // R_ARM_REL32
      [106, "set", 4], // R_ARM_TLS_LDO32
    ]),
  ],
  [
    EM_RISCV, // RISC-V ELF psABI, "Relocations": linker relaxation moves code, so lengths are written as differences
    kinds([
      [0, "none", 8], // R_RISCV_NONE
      [1, "set", 4], // R_RISCV_32
      [2, "set", 8], // R_RISCV_64
      [8, "set", 4], // R_RISCV_TLS_DTPREL32
      [9, "set", 8], // R_RISCV_TLS_DTPREL64
      [33, "add", 1], // R_RISCV_ADD8
      [34, "add", 2], // R_RISCV_ADD16
      [35, "add", 4], // R_RISCV_ADD32
      [36, "add", 8], // R_RISCV_ADD64
      [37, "subtract", 1], // R_RISCV_SUB8
      [38, "subtract", 2], // R_RISCV_SUB16
      [39, "subtract", 4], // R_RISCV_SUB32
      [40, "subtract", 8], // R_RISCV_SUB64
      [51, "none", 8], // R_RISCV_RELAX
      [52, "subtract", "low6"], // R_RISCV_SUB6
      [53, "set", "low6"], // R_RISCV_SET6
      [54, "set", 1], // R_RISCV_SET8
      [55, "set", 2], // R_RISCV_SET16
      [56, "set", 4], // R_RISCV_SET32
      [57, "relative", 4], // R_RISCV_32_PCREL
      [60, "set", "uleb"], // R_RISCV_SET_ULEB128
      [61, "subtract", "uleb"], // R_RISCV_SUB_ULEB128
    ]),
  ],
  [
    EM_PPC, // System V ABI, PowerPC supplement, "Relocation Types"
    kinds([
      [0, "none", 4], // R_PPC_NONE
      [1, "set", 4], // R_PPC_ADDR32
      [24, "set", 4], // R_PPC_UADDR32
      [26, "relative", 4], // R_PPC_REL32
      [78, "set", 4], // R_PPC_DTPREL32
    ]),
  ],
  [
    EM_PPC64, // 64-bit PowerPC ELF ABI supplement, "Relocation Types"
    kinds([
      [0, "none", 8], // R_PPC64_NONE
      [1, "set", 4], // R_PPC64_ADDR32
      [24, "set", 4], // R_PPC64_UADDR32
      [26, "relative", 4], // R_PPC64_REL32
      [38, "set", 8], // R_PPC64_ADDR64
      [43, "set", 8], // R_PPC64_UADDR64
      [44, "relative", 8], // R_PPC64_REL64
      [78, "set", 8], // R_PPC64_DTPREL64
    ]),
  ],
  [
    EM_S390, // S/390 and zSeries ELF ABI supplements, "Relocation Types"
    kinds([
      [0, "none", 8], // R_390_NONE
      [4, "set", 4], // R_390_32
      [5, "relative", 4], // R_390_PC32
      [22, "set", 8], // R_390_64
      [23, "relative", 8], // R_390_PC64
      [52, "set", 4], // R_390_TLS_LDO32
      [53, "set", 8], // R_390_TLS_LDO64
    ]),
  ],
  [
    EM_BPF, // Linux kernel, Documentation/bpf/llvm_reloc.rst
    kinds([
      [0, "none", 8], // R_BPF_NONE
      [2, "set", 8], // R_BPF_64_ABS64
      [3, "set", 4], // R_BPF_64_ABS32
      [4, "set", 4], // R_BPF_64_NODYLD32
    ]),
  ],
]);
