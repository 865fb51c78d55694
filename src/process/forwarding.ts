/**
 * Functions that do nothing but jump to another one (x86-64): `operator delete` of libstdc++ is `jmp free@plt`.
 *
 * Both would be probed, and the second probe would see a block that the first one has already taken out of the
 * account. Such a function needs no probe: the one that it jumps to sees the same registers and the same stack.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, findPltStub, type PltStub, pltStubs } from "../elf/index.ts";

/** `EM_X86_64` (x86-64 psABI §4.1.1). */
const EM_X86_64 = 62;

/** endbr64, a `bnd` prefix, and a jump with four bytes of distance. */
const LONGEST = 4 + 1 + 5;

export class Forwarding {
  private readonly elf: ElfFile;
  private readonly nameAt: ReadonlyMap<VirtualAddress, string>;
  private stubs: PltStub[] | undefined;

  /** @param nameAt the functions of this file that may be jumped to. */
  constructor(elf: ElfFile, nameAt: ReadonlyMap<VirtualAddress, string>) {
    this.elf = elf;
    this.nameAt = nameAt;
  }

  /**
   * The name of the function that this one jumps to with its first instruction.
   *
   * @returns undefined when it does anything else, or jumps to a function that has no name here.
   */
  target({ address, fileOffset }: { address: VirtualAddress; fileOffset: FileOffset }): string | undefined {
    if (this.elf.machine !== EM_X86_64 || !this.elf.littleEndian) return undefined;
    const { source } = this.elf;
    if (fileOffset >= source.size) return undefined;
    try {
      const code = source.read(fileOffset, Math.min(LONGEST, source.size - fileOffset));
      const jump = decodeJump(code);
      if (jump === undefined) return undefined;
      const to = virtualAddress(address + jump);
      const name = this.nameAt.get(to);
      if (name !== undefined) return name;
      this.stubs ??= pltStubs(this.elf);
      const stub = findPltStub(this.stubs, to);
      return stub?.address === to ? stub.name.replace(/@plt$/, "") : undefined;
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return undefined;
    }
  }
}

/** Where a function's first instruction jumps to, from the function's start. Intel SDM volume 2, JMP: EB and E9. */
function decodeJump(code: Uint8Array): number | undefined {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const hasEndbr = code.length >= 4 && view.getUint32(0, true) === 0xfa1e0ff3;
  let at = hasEndbr ? 4 : 0;
  if (code[at] === 0xf2) at++; // bnd
  if (code[at] === 0xeb && at + 2 <= code.length) return at + 2 + view.getInt8(at + 1);
  if (code[at] === 0xe9 && at + 5 <= code.length) return at + 5 + view.getInt32(at + 1, true);
  return undefined;
}
