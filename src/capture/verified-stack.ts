/** What of a stack is kept: up to where the walk is proved wrong. */

import type { StackEvent } from "../recording/events.ts";

/**
 * The stack up to the first address that is no code: from there on, whatever led to it, the walk was wrong. The first
 * address is the processor's own, and stays.
 */
export function withoutRubbish(stack: StackEvent, code: { isCode(address: bigint): boolean }): StackEvent {
  const wrong = stack.addresses.findIndex((address, i) => i > 0 && !code.isCode(address - 1n));
  if (wrong < 0) return stack;
  const verified = Math.min(stack.verified, wrong);
  return { ...stack, end: "bad-frame", addresses: stack.addresses.slice(0, wrong), verified };
}
