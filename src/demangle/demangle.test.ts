import { describe, expect, it, vi } from "vitest";
import { demangle } from "./index.ts";

describe("demangle", () => {
  it("leaves names alone that are not mangled", () => {
    for (const name of ["", "main", "_", "_Z", "_R", "__Z", "_ZN", "_start", "Z3foov", "_Zebra", "__libc_start_main"]) {
      expect(demangle(name)).toBe(name);
    }
  });

  it("accepts the extra underscore of Mach-O", () => {
    expect(demangle("__Z3fooi")).toBe("foo(int)");
    expect(demangle("__RNvC1a1b")).toBe("a::b");
  });

  it("names the function of a block after the function around it", () => {
    expect(demangle("___Z3foov_block_invoke")).toBe("invocation function for block in foo()");
    expect(demangle("___Z3foov_block_invoke_2")).toBe("invocation function for block in foo()");
    expect(demangle("___Z3foov_block_invoke_")).toBe("___Z3foov_block_invoke_");
  });

  it("keeps the symbol version behind the name", () => {
    expect(demangle("_ZNSt9exceptionD2Ev@@GLIBCXX_3.4")).toBe("std::exception::~exception()@@GLIBCXX_3.4");
    expect(demangle("_Znwm@GLIBCXX_3.4")).toBe("operator new(unsigned long)@GLIBCXX_3.4");
    expect(demangle("memcpy@GLIBC_2.14")).toBe("memcpy@GLIBC_2.14");
  });

  it("shows the suffixes of compilers in parentheses", () => {
    expect(demangle("_Z3fooi.cold")).toBe("foo(int) (.cold)");
    expect(demangle("_Z3fooi.isra.0.part.1")).toBe("foo(int) (.isra.0.part.1)");
    expect(demangle("_RNvC1a1b.llvm.123")).toBe("a::b (.llvm.123)");
  });

  it("leaves out return type and parameters on request", () => {
    const short = (name: string) => demangle(name, { parameters: false });
    expect(short("_Z3fooi")).toBe("foo");
    expect(short("_ZN1AIiE3getIcEET_v")).toBe("A<int>::get<char>");
    expect(short("_ZNK1A3barEv")).toBe("A::bar");
    // What a local name is local to keeps its parameters: they tell overloads apart.
    expect(short("_ZZ3fooiENKUlvE_clEv")).toBe("foo(int)::'lambda'()::operator()");
  });

  it("counts the bytes of UTF-8 identifiers, not the characters", () => {
    expect(demangle("_Z5größei")).toBe("_Z5größei");
    expect(demangle("_Z7größei")).toBe("größe(int)");
    expect(demangle("_ZN2é3fooE6名前")).toBe("é::foo(名前)");
  });
});

describe("what demangles", () => {
  it("keeps nothing of a name that took much memory", () => {
    const many = `_Z1f${"P1a".repeat(20_000)}`;
    expect(demangle(many).length).toBeGreaterThan(20_000);
    expect(demangle("_Z1gv")).toBe("g()");
    // One that gives up on the way.
    const unfinished = `_Z1f${"P1a".repeat(40_000)}N`;
    expect(demangle(unfinished)).toBe(unfinished);
    expect(demangle("_Z1gv")).toBe("g()");
  });

  it("leaves names as they are where there is no WebAssembly", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    vi.resetModules();
    try {
      const { demangle: withoutWebAssembly } = await import("./index.ts");
      expect(withoutWebAssembly("_Z1fv")).toBe("_Z1fv");
      expect(withoutWebAssembly("main")).toBe("main");
    } finally {
      vi.unstubAllGlobals();
      vi.resetModules();
    }
  });
});
