/**
 * A rule: how to get from a frame to its caller, in 32 bits, so that the eBPF walker reads it with one load.
 *
 *     bits 0-7    kind: where the CFA is, the value that rsp had before the call
 *     bits 8-15   rbp, a signed byte: where the caller's rbp is
 *     bits 16-31  offset, signed, in units of 8 bytes
 *
 * The return address is always at CFA - 8, and the caller's rsp is the CFA. rbp is the only other register that
 * compilers address the CFA by, so nothing else has to be followed.
 */

/** No rule is known: take one frame-pointer step, or stop. */
export const KIND_NONE = 0;
/** The outermost frame: there is no return address. */
export const KIND_END = 1;
/** CFA = rsp + offset * 8 */
export const KIND_RSP = 2;
/** CFA = rbp + offset * 8 */
export const KIND_RBP = 3;
/** CFA = rsp + 8, and 8 more from byte 11 of each 16 on: a lazy PLT stub, which pushes its index there. */
export const KIND_PLT = 4;
/** The trampoline that a signal handler returns to: the registers stand in the signal frame at rsp + 40. */
export const KIND_SIGNAL = 5;
/** CFA = the word at rbp + offset * 8: a function that has realigned its stack. */
export const KIND_RBP_DEREF = 6;
/** CFA = the word at rsp + offset * 8 */
export const KIND_RSP_DEREF = 7;

/** rbp still holds the caller's. Below zero: it was saved at CFA + rbp * 8. */
export const RBP_SAME = 0;
/** The caller's rbp cannot be had: no rule that needs rbp may be used further up. */
export const RBP_LOST = 1;
/** The caller's rbp was saved where rbp points: in functions that realign their stack, whose frame the CFA is not next to. */
export const RBP_AT_RBP = 2;

/** No rule: what `lookupRule` says of an address outside the table. */
export const NO_RULE = KIND_NONE;

/** Whether these 32 bits are a rule that the walkers know. */
export function isRule(bits: number): boolean {
  return ruleKind(bits) <= KIND_RSP_DEREF && ruleRbp(bits) <= RBP_AT_RBP;
}

/** @param offset in units of 8 bytes, as it stands in the rule: -32768 to 32767. */
export function packRule(kind: number, rbp: number, offset: number): number {
  return ((offset << 16) | ((rbp & 0xff) << 8) | kind) >>> 0;
}

export function ruleKind(rule: number): number {
  return rule & 0xff;
}

/** `RBP_*`, or below zero: the caller's rbp is at CFA + 8 times this. */
export function ruleRbp(rule: number): number {
  return (rule << 16) >> 24;
}

/** In units of 8 bytes. */
export function ruleOffset(rule: number): number {
  return rule >> 16;
}

/** For people: `rsp+16 rbp=c-16`, in the notation of `readelf --debug-dump=frames-interp` where it has one. */
export function ruleText(rule: number): string {
  const offset = signed(ruleOffset(rule) * 8);
  switch (ruleKind(rule)) {
    case KIND_END:
      return "end";
    case KIND_RSP:
      return `rsp${offset}${rbpText(rule)}`;
    case KIND_RBP:
      return `rbp${offset}${rbpText(rule)}`;
    case KIND_PLT:
      return `plt${rbpText(rule)}`;
    case KIND_SIGNAL:
      return "signal";
    case KIND_RBP_DEREF:
      return `*(rbp${offset})${rbpText(rule)}`;
    case KIND_RSP_DEREF:
      return `*(rsp${offset})${rbpText(rule)}`;
    default:
      return "none";
  }
}

function rbpText(rule: number): string {
  const rbp = ruleRbp(rule);
  if (rbp === RBP_SAME) return "";
  if (rbp === RBP_AT_RBP) return " rbp=*(rbp)";
  return rbp < 0 ? ` rbp=c${rbp * 8}` : " rbp=lost";
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}
