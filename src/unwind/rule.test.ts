import { expect, test } from "vitest";
import {
  KIND_RBP,
  KIND_RBP_DEREF,
  KIND_RSP,
  packRule,
  RBP_AT_RBP,
  RBP_LOST,
  RBP_SAME,
  ruleKind,
  ruleOffset,
  ruleRbp,
  ruleText,
} from "./index.ts";

test.for([
  [KIND_RSP, RBP_SAME, 1, 0x00010002, "rsp+8"],
  [KIND_RBP, -2, 2, 0x0002fe03, "rbp+16 rbp=c-16"],
  [KIND_RSP, -128, 32767, 0x7fff8002, "rsp+262136 rbp=c-1024"],
  [KIND_RSP, RBP_LOST, -32768, 0x80000102, "rsp-262144 rbp=lost"],
  [KIND_RBP_DEREF, RBP_AT_RBP, -1, 0xffff0206, "*(rbp-8) rbp=*(rbp)"],
] as const)("kind %d, rbp %d and offset %d make %d", ([kind, rbp, offset, packed, text]) => {
  expect(packRule(kind, rbp, offset)).toBe(packed);
  expect([ruleKind(packed), ruleRbp(packed), ruleOffset(packed)]).toEqual([kind, rbp, offset]);
  expect(ruleText(packed)).toBe(text);
});
