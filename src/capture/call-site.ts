/**
 * What a walk by frame pointers took for return addresses, looked at in the process's own code.
 *
 * Through code that keeps no frame pointers such a walk reads whatever lies on the stack. An address can be a return
 * address only if it is in executable memory and a call ends there, or if it is where signal handlers return to. From
 * the first one on that is neither, the stack is rubbish and is cut. What passes may still be wrong, or a frame may be
 * missing before it: those frames are marked, not cut.
 *
 * Stacks walked by unwind tables need none of this: the eBPF program looks at each frame that it reaches by a frame
 * pointer at once, when generated code is still what it was.
 */

import type { StackEvent } from "../recording/events.ts";
import { CALL_SIZE, endsWithCall } from "../unwind/index.ts";

export type CodeMemory = {
  /** Is it in executable memory, as far as is known? */
  isCode(address: bigint): boolean;
  /** Bytes from an address on; undefined when they cannot be read, as after the process's end. */
  read(address: bigint, length: number): Uint8Array | undefined;
};

/** The system call that handlers return by: rt_sigreturn, 15 (x86-64) or 139 (arm64), as libc and the vDSO make it. */
const SIGNAL_RETURN = {
  x86_64: [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], // mov $15, %rax; syscall
  arm64: [0x68, 0x11, 0x80, 0xd2, 0x01, 0, 0, 0xd4], // mov x8, #139; svc #0
} as const;

/**
 * The stack up to the first address that is in no executable memory. The first address is the processor's own, and
 * stays.
 */
export function cutBehindCode(stack: StackEvent, memory: Pick<CodeMemory, "isCode">): StackEvent {
  return cut(
    stack,
    stack.addresses.findIndex((address, i) => i > 0 && !memory.isCode(address - 1n)),
  );
}

/** @param wrong index of the first address that is rubbish, or -1. */
function cut(stack: StackEvent, wrong: number): StackEvent {
  if (wrong < 0) return stack;
  const verified = Math.min(stack.verified, wrong);
  return { ...stack, end: "bad-frame", addresses: stack.addresses.slice(0, wrong), verified };
}

/** Keeps what it found, since stacks share most of their frames: make one for each reading of the account. */
export class CallSites {
  private readonly memory: CodeMemory;
  private readonly architecture: keyof typeof SIGNAL_RETURN;
  private readonly known = new Map<bigint, boolean>();

  /** @param architecture `x86_64`, or else arm64. */
  constructor(memory: CodeMemory, architecture: string) {
    this.memory = memory;
    this.architecture = architecture === "x86_64" ? architecture : "arm64";
  }

  /** The stack up to the first address, among those from index `from` on, that cannot be a return address. */
  cutRubbish(stack: StackEvent, from: number): StackEvent {
    const wrong = stack.addresses.findIndex((address, i) => i >= from && !this.isReturnAddress(address));
    return cut(stack, wrong);
  }

  /** May a function return there? Where the code cannot be read, all code may be returned to. */
  isReturnAddress(address: bigint): boolean {
    let answer = this.known.get(address);
    if (answer === undefined) {
      answer = this.memory.isCode(address - 1n) && (this.followsCall(address) || this.isSignalReturn(address));
      this.known.set(address, answer);
    }
    return answer;
  }

  private followsCall(address: bigint): boolean {
    const code = this.memory.read(address - BigInt(CALL_SIZE), CALL_SIZE);
    return code === undefined || endsWithCall(code, this.architecture);
  }

  private isSignalReturn(address: bigint): boolean {
    const expected = SIGNAL_RETURN[this.architecture];
    const code = this.memory.read(address, expected.length);
    return code !== undefined && expected.every((byte, i) => code[i] === byte);
  }
}
