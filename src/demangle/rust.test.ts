import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ask, differences, GNU_CXXFILT, isInstalled, LLVM_CXXFILT } from "../../test/demangle-oracles.ts";
import { demangle } from "./index.ts";

function check(names: Record<string, string>) {
  for (const [mangled, demangled] of Object.entries(names)) expect(demangle(mangled), mangled).toBe(demangled);
}

function fixture(file: string): string[] {
  const url = new URL(`../../test/fixtures/demangle/${file}`, import.meta.url);
  return readFileSync(url, "utf8").trim().split("\n");
}

describe("v0 names", () => {
  it("paths", () => {
    check({
      _RNvC7mycrate3foo: "mycrate::foo",
      _RNvNtCs1234_7mycrate3bar3foo: "mycrate::bar::foo",
      _RNCNvC7mycrate3foo0: "mycrate::foo::{closure#0}",
      _RNCNvC7mycrate3foos_0: "mycrate::foo::{closure#1}",
      _RNSNvC7mycrate3foo6vtable: "mycrate::foo::{shim:vtable#0}",
      _RNvMC7mycrateNtB2_3Bar3foo: "<mycrate::Bar>::foo",
      _RNvXC7mycrateNtB2_3BarNtB2_5Trait3foo: "<mycrate::Bar as mycrate::Trait>::foo",
      _RNvYNtC7mycrate3BarNtB4_5Trait3foo: "<mycrate::Bar as mycrate::Trait>::foo",
      _RINvC7mycrate3foopEC3bar: "mycrate::foo::<_>",
    });
  });

  it("types", () => {
    check({
      _RINvC1a1fReE: "a::f::<&str>",
      _RINvC1a1fQhE: "a::f::<&mut u8>",
      _RINvC1a1fSaE: "a::f::<[i8]>",
      _RINvC1a1fAjj10_E: "a::f::<[usize; 16]>",
      _RINvC1a1fTbEE: "a::f::<(bool,)>",
      _RINvC1a1fPcOzE: "a::f::<*const char, *mut !>",
      _RINvC1a1fFUKCjEuE: 'a::f::<unsafe extern "C" fn(usize)>',
      _RINvC1a1fFG_RL0_eEB7_E: "_RINvC1a1fFG_RL0_eEB7_E",
      _RINvC1a1fFG_RL0_eEdE: "a::f::<for<'a> fn(&'a str) -> f64>",
      _RINvC1a1fDNtB2_1Tp4ItemhNtB2_4SendEL_E: "a::f::<dyn a::T<Item = u8> + a::Send>",
    });
  });

  it("constants", () => {
    check({
      _RINvC1a1fKjffffffffffffffff_E: "a::f::<18446744073709551615>",
      _RINvC1a1fKo10000000000000000_E: "a::f::<0x10000000000000000>",
      _RINvC1a1fKan80_Kb1_Kc61_Kc27_Kca_E: "a::f::<-128, true, 'a', '\\'', '\\n'>",
      _RINvC1a1fKRe616263_E: 'a::f::<"abc">',
      _RINvC1a1fKe616263_E: 'a::f::<{*"abc"}>',
      // "é€😀", then bytes that are no UTF-8: a character's first three of four, and one that begins none.
      _RINvC1a1fKRec3a9e282acf09f9880_KRef09f9841ff_E: 'a::f::<"\\u{e9}\\u{20ac}\\u{1f600}", "\\u{fffd}A\\u{fffd}">',
      _RINvC1a1fKTj1_b0_EKAj1_j2_EE: "a::f::<{(1, false)}, {[1, 2]}>",
      _RINvC1a1fKVNtB2_1PS1xj1_1yj2_EE: "a::f::<{a::P { x: 1, y: 2 }}>",
      _RINvC1a1fKVNtB2_4NoneUE: "a::f::<{a::None}>",
    });
  });

  it("Unicode identifiers", () => {
    check({
      // RFC 2603.
      _RNvC1au8gdel_5qa: "a::gödel",
      // RFC 3492 section 7.1: (B) Chinese, and (L) Japanese with ASCII, its `-` written `_`.
      _RNvC1au24ihqwcrb4cv8a8dqg056pqjye: "a::他们为什么不说中文",
      _RNvC1au24_3B_ww4c5e180e575a65lsy2b: "a::3年B組金八先生",
      // Beyond 16 bits: xn--e28h.
      _RNvC1au4e28h: "a::😀",
    });
  });

  it.skipIf(!isInstalled(LLVM_CXXFILT))("of a real program read as LLVM reads them", () => {
    const names = fixture("rust-v0.txt");
    const actual = names.map((name) => demangle(name));
    expect(differences(names, actual, ask(LLVM_CXXFILT, [], names))).toEqual([]);
  });
});

describe("legacy names", () => {
  it("lose the hash, and keep it on request", () => {
    const name = "_ZN4core3fmt5write17h0123456789abcdefE";
    expect(demangle(name)).toBe("core::fmt::write");
    expect(demangle(name, { hash: true })).toBe("core::fmt::write::h0123456789abcdef");
    expect(demangle(`${name}.llvm.42`)).toBe("core::fmt::write (.llvm.42)");
  });

  it("have their escapes undone", () => {
    check({
      "_ZN49_$LT$a..B$LT$T$GT$$u20$as$u20$core..ops..Drop$GT$4drop17h0123456789abcdefE":
        "<a::B<T> as core::ops::Drop>::drop",
      "_ZN1a30_$u7b$$u7b$closure$u7d$$u7d$.x17h0123456789abcdefE": "a::{{closure}}.x",
      _ZN1a15$LP$$RF$$BP$$RP$17h0123456789abcdefE: "_ZN1a15$LP$$RF$$BP$$RP$17h0123456789abcdefE",
      _ZN1a16$LP$$RF$$BP$$RP$17h0123456789abcdefE: "a::(&*)",
      _ZN1a9x$C$$SP$y17h0123456789abcdefE: "a::x,@y",
      _ZN1a7$what$b17h0123456789abcdefE: "a::$what$b",
      _ZN1a20$ue9$$u20ac$$u1f600$17h0123456789abcdefE: "a::é€😀",
    });
  });

  it("without a hash are C++", () => {
    expect(demangle("_ZN4core3fmt5writeE")).toBe("core::fmt::write");
    expect(demangle("_ZN4core3fmt5write17h0123456789abcdegE")).toBe("core::fmt::write::h0123456789abcdeg");
    expect(demangle("_ZN4core3fmt17h0123456789abcdefEv")).toBe("core::fmt::h0123456789abcdef()");
  });

  it.skipIf(!isInstalled(GNU_CXXFILT))("of the standard library read as GNU binutils read them", () => {
    const names = fixture("rust-legacy.txt");
    const actual = names.map((name) => demangle(name, { hash: true }));
    expect(differences(names, actual, ask(GNU_CXXFILT, ["-s", "rust"], names))).toEqual([]);
  });
});
