/**
 * Which functions of an allocator pass the call on to another one (x86-64): `operator delete` of libstdc++ is
 * `jmp free@plt`, its `operator new` calls malloc.
 *
 * Such a function needs no probe, since the one that it calls is probed. A second probe would see a block that the
 * first one has already taken out of the account. And a return probe on an `operator new` is worse than useless: it
 * replaces the return address, the unwinder does not find its way past it, and a program that would have caught
 * std::bad_alloc is terminated.
 */

import { type FileOffset, type VirtualAddress, virtualAddress } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { type ElfFile, findPltStub, type PltStub, pltStubs } from "../elf/index.ts";

/** `EM_X86_64` (x86-64 psABI §4.1.1). */
const EM_X86_64 = 62;

/** endbr64, a `bnd` prefix, and a jump with four bytes of distance. */
const LONGEST = 4 + 1 + 5;

/** More bytes than any `operator new` has. */
const MAX_SCANNED = 4096;

type Code = { readonly address: VirtualAddress; readonly fileOffset: FileOffset; readonly size: number };

export class Forwarding {
  private readonly elf: ElfFile;
  private readonly nameAt: ReadonlyMap<VirtualAddress, string>;
  private stubs: PltStub[] | undefined;

  /** @param nameAt the functions of this file that may be called. */
  constructor(elf: ElfFile, nameAt: ReadonlyMap<VirtualAddress, string>) {
    this.elf = elf;
    this.nameAt = nameAt;
  }

  /**
   * The name of the function that this one jumps to with its first instruction.
   *
   * @returns undefined when it does anything else, or jumps to a function that has no name here.
   */
  target({ address, fileOffset }: Code): string | undefined {
    const jump = decodeJump(this.read(fileOffset, LONGEST));
    return jump === undefined ? undefined : this.nameOf(address + jump);
  }

  /**
   * The names of the functions that this one calls or jumps to. Looks at every byte as if such an instruction began
   * there: that finds all direct calls, and an accidental one hardly ever hits the start of a function that has a name.
   */
  callees({ address, fileOffset, size }: Code): Set<string> {
    const names = new Set<string>();
    const code = this.read(fileOffset, Math.min(size, MAX_SCANNED));
    const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
    for (let at = 0; at + 5 <= code.length; at++) {
      if (code[at] !== 0xe8 && code[at] !== 0xe9) continue;
      const name = this.nameOf(address + at + 5 + view.getInt32(at + 1, true));
      if (name !== undefined) names.add(name);
    }
    return names;
  }

  /** Of a function of this file, or of the one that a PLT stub stands for. */
  private nameOf(address: number): string | undefined {
    const to = virtualAddress(address);
    const name = this.nameAt.get(to);
    if (name !== undefined) return name;
    this.stubs ??= pltStubs(this.elf);
    const stub = findPltStub(this.stubs, to);
    return stub?.address === to ? stub.name.replace(/@plt$/, "") : undefined;
  }

  /** Code of a machine that is not known, or that cannot be read, is empty. */
  private read(offset: FileOffset, length: number): Uint8Array {
    const { machine, littleEndian, source } = this.elf;
    if (machine !== EM_X86_64 || !littleEndian || offset >= source.size) return new Uint8Array();
    try {
      return source.read(offset, Math.min(length, source.size - offset));
    } catch (error) {
      if (!(error instanceof LeaklineError)) throw error;
      return new Uint8Array();
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
