/**
 * The public face of unwind/: everything that other layers and users of the library may import.
 */

export { CALL_SIZE, endsWithCall } from "./call-site.ts";
export {
  KIND_END,
  KIND_NONE,
  KIND_PLT,
  KIND_RBP,
  KIND_RBP_DEREF,
  KIND_RSP,
  KIND_RSP_DEREF,
  KIND_SIGNAL,
  NO_RULE,
  packRule,
  RBP_AT_RBP,
  RBP_LOST,
  RBP_SAME,
  ruleKind,
  ruleOffset,
  ruleRbp,
  ruleText,
} from "./rule.ts";
export { decodeTable, encodeTable, MAX_TABLE_FILE } from "./table-file.ts";
export { compileUnwindTable, lookupRule, type UnwindTable } from "./unwind-table.ts";
export { MAX_FRAMES, type MappedTable, type Registers, type Stack, walkStack } from "./walk-stack.ts";
