import { describe, expect, test } from "vitest";
import { virtualAddress } from "../base/address.ts";
import { demangle } from "../demangle/index.ts";
import type { FunctionAt } from "../dwarf/index.ts";
import { chooseName } from "./function-name.ts";

const START = virtualAddress(0x1000);

function code(name: string, linkageName?: string): FunctionAt {
  const range = { begin: START, end: virtualAddress(0x1010) };
  return { name: linkageName ?? name, linkageName, entry: START, size: 16, range };
}

/** The name that is chosen when these symbols stand at one address. */
function chosen(source: FunctionAt, ...names: string[]): string | undefined {
  const [name, ...aliases] = names;
  const symbol = { name, aliases, address: START, size: 16, source: ".symtab" as const, file: "program" };
  const found = chooseName(source, "program", symbol);
  return found && demangle(found.name);
}

// Each went wrong in a library of Debian 12, where GNU addr2line and eu-addr2line were right.
describe("of functions folded into one, the name is that of the debug information, whose lines are shown", () => {
  test("libc: compatibility symbols, which carry their version", () => {
    const source = code("__nss_passwd_lookup");
    expect(chosen(source, "__nss_group_lookup@GLIBC_2.2.5", "__nss_passwd_lookup@GLIBC_2.2.5")).toBe(
      "__nss_passwd_lookup",
    );
  });

  test("python: copies that link-time optimization made", () => {
    const source = code("_tmp_192_rule");
    expect(chosen(source, "_tmp_174_rule.lto_priv.0", "_tmp_192_rule.lto_priv.0")).toBe("_tmp_192_rule.lto_priv.0");
  });

  test("libjvm: more names than are listed, so that the right one is not among them", () => {
    const source = code("reloc", "_ZNK9loadBNode5relocEv");
    expect(chosen(source, "_ZNK13loadKlassNode5relocEv", "_ZNK18compP_mem_rRegNode5relocEv")).toBe(
      "loadBNode::reloc() const",
    );
  });
});

test("a C++ function without a linkage name has the symbol's, which says more", () => {
  expect(chosen(code("~Local"), "_ZZ4mainEN5LocalD0Ev")).toBe("main::Local::~Local()");
});
