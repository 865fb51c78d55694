/** Names made to hurt: deep nesting, names that print much, and damaged names. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { demangle } from "./index.ts";
import { LEAST_OUTPUT, MAX_DEPTH, MAX_NAME_LENGTH, MAX_OUTPUT, OUTPUT_PER_BYTE } from "./limits.ts";

/** A name in which something is nested `n` deep: one for each cycle of productions. */
const NESTED: Record<string, (n: number) => string> = {
  pointers: (n) => `_Z1f${"P".repeat(n)}i`,
  arrays: (n) => `_Z1f${"A1_".repeat(n)}i`,
  functions: (n) => `_Z1f${"F".repeat(n)}v${"vE".repeat(n)}`,
  memberPointers: (n) => `_Z1f${"M".repeat(n)}${"1A".repeat(n + 1)}`,
  qualifiers: (n) => `_Z1f${"U1a".repeat(n)}i`,
  templates: (n) => `_Z1f${"1AI".repeat(n)}i${"E".repeat(n)}`,
  nestedNames: (n) => `_Z1fN${"1AIN".repeat(n)}1BE${"EE".repeat(n)}`,
  inheritedConstructors: (n) => `_ZN1A${"CI1N1A".repeat(n)}C1E${"E".repeat(n)}v`,
  conversions: (n) => `_ZN1A${"cvN1A".repeat(n)}C1E${"E".repeat(n)}v`,
  packs: (n) => `_Z1fI${"J".repeat(n)}${"E".repeat(n)}Evv`,
  declarations: (n) => `_Z1fI${"Tp".repeat(n)}TyiEvv`,
  templateTemplates: (n) => `_Z1fI${"Tt".repeat(n)}${"E".repeat(n)}iEvv`,
  operators: (n) => `_Z1fIX${"ng".repeat(n)}Li1EEEvv`,
  calls: (n) => `_Z1fIX${"cl".repeat(n)}Li1E${"E".repeat(n)}EEvv`,
  designators: (n) => `_Z1fIXil${"di1a".repeat(n)}Li1EEEEvv`,
  literals: (n) => `_Z${"1fIXL_Z".repeat(n)}1fv${"EEEvv".repeat(n)}`,
  localNames: (n) => `_Z${"Z".repeat(n)}1fv${"E1g".repeat(n)}`,
  lambdas: (n) => `_Z1f${"NUl".repeat(n)}i${"E_E".repeat(n)}`,
  thunks: (n) => `_Z${"Th1_".repeat(n)}1fv`,
  // Shallow to parse, deep to print: each parameter points to the one before.
  substitutions: (n) =>
    `_Z1f1APS_${Array.from({ length: n }, (_, i) => `PS${i.toString(36).toUpperCase()}_`).join("")}`,
  rustTuples: (n) => `_RINvC1a1f${"T".repeat(n)}${"E".repeat(n)}E`,
  rustPaths: (n) => `_R${"Nv".repeat(n)}C1a${"1b".repeat(n)}`,
  rustImpls: (n) => `_RNv${"MC1aINtC1a1b".repeat(n)}u${"E".repeat(n)}1x`,
  rustObjects: (n) => `_RINvC1a1f${"DNtC1a1bp1c".repeat(n)}u${"EL_".repeat(n)}E`,
  rustConstants: (n) => `_RINvC1a1fK${"R".repeat(n)}m1_E`,
};

describe("deep nesting", () => {
  it.each(Object.entries(NESTED))("is read up to the limit, and left alone beyond: %s", (kind, nested) => {
    if (kind !== "conversions" && kind !== "templateTemplates") expect(demangle(nested(20))).not.toBe(nested(20));
    for (const depth of [MAX_DEPTH / 4, MAX_DEPTH, MAX_DEPTH + 1, 2000]) {
      expect(demangle(nested(depth)).length).toBeGreaterThan(0);
    }
    expect(demangle(nested(2000))).toBe(nested(2000));
  });
});

describe("names that print much", () => {
  it("doubling by substitution gives up", () => {
    // A<int, int>, then A of the one before, twice, and so on: 2^n arguments.
    const doubled = (n: number) => {
      const index = Array.from({ length: n }, (_, i) => i.toString(36).toUpperCase());
      return `_Z1f1AIiiE${index.map((i) => `S_IS${i}_S${i}_E`).join("")}`;
    };
    expect(demangle(doubled(1))).toBe("f(A<int, int>, A<A<int, int>, A<int, int>>)");
    expect(demangle(doubled(30))).toBe(doubled(30));
  });

  it("doubling by Rust back references gives up", () => {
    const doubled = (n: number) => {
      let text = "INvC1a1fTuuE";
      let previous = text.indexOf("T");
      for (let i = 0; i < n; i++) {
        const start = text.length;
        text += `TB${base62(previous)}B${base62(previous)}E`;
        previous = start;
      }
      return `_R${text}E`;
    };
    expect(demangle(doubled(1))).toBe("a::f::<((), ()), (((), ()), ((), ()))>");
    expect(demangle(doubled(30))).toBe(doubled(30));
  });

  it("a back reference to itself gives up", () => {
    for (const name of ["_RB_", "_RNvB_1a", "_RINvC1a1bB7_E", "_RINvC1a1bTB8_EE", "_RMC1aB_"]) {
      expect(demangle(name)).toBe(name);
    }
  });

  it("a conversion to a type that contains itself gives up", () => {
    for (const name of ["_ZN1AcvT_IS0_EEv", "_ZN1AcvPT_IS1_EEv", "_ZN1AcvRT_IS1_EEv", "_ZN1AcvKT_IS1_EEv"]) {
      expect(demangle(name)).toBe(name);
    }
  });

  it("a name longer than the limit is not looked at", () => {
    const name = `_Z${MAX_NAME_LENGTH}${"a".repeat(MAX_NAME_LENGTH)}v`;
    expect(demangle(name)).toBe(name);
  });
});

describe("damaged names", () => {
  it("a nested name without a substitution candidate does not throw", () => {
    expect(() => demangle("_Z1fNStE")).not.toThrow();
  });

  const names = [
    ...Object.values(NESTED).map((nested) => nested(3)),
    "_ZNSt6vectorIN4dyld13RegisteredDOFESaIS1_EE5eraseEN9__gnu_cxx17__normal_iteratorIPS1_S3_EE",
    "_ZN1SI1VcE1gIiEES0_IS0_IT_EES4_PS0_IcE1XPDTcmtlS4_EtlS8_EE",
    "_ZNKSt8functionIFvRKSsEEclEDpOT_Qgt3fooIT_ELi3E",
    "_RNvXs0_NtCs1234_4core3fmtINtB5_9ArgumentsKj10_KRe616263_ENtB5_7Display3fmtC3foo",
    "_RNCINvMs_NtC3foou8gdel_5qaFG_UKCRL0_eEuDNtB2_1ap1bB2_EL_0E0.llvm.12",
    "_ZN4core3fmt9Formatter$LT$T$GT$..a17h0123456789abcdefE",
  ];

  it("never throw, and never print more than the limit", () => {
    const damaged = fc
      .record({
        name: fc.constantFrom(...names),
        edits: fc.array(fc.tuple(fc.nat(), fc.nat(6), fc.constantFrom(...names.join(""))), { maxLength: 6 }),
        other: fc.constantFrom(...names),
      })
      .map(({ name, edits, other }) =>
        edits.reduce((text, [at, kind, character]) => edit(text, at % (text.length + 1), kind, character, other), name),
      );
    fc.assert(
      fc.property(damaged, fc.boolean(), fc.boolean(), (name, parameters, hash) => {
        expect(demangle(name, { parameters, hash }).length).toBeLessThanOrEqual(maxOutput(name.length));
      }),
      { numRuns: 20_000 },
    );
  });
});

function maxOutput(length: number): number {
  return Math.min(LEAST_OUTPUT + OUTPUT_PER_BYTE * length, MAX_OUTPUT);
}

function edit(text: string, at: number, kind: number, character: string, other: string): string {
  if (kind === 0) return text.slice(0, at) + text.slice(at + 1);
  if (kind === 1) return text.slice(0, at);
  if (kind === 2) return text.slice(0, at) + other.slice(2) + text.slice(at);
  if (kind === 3) return text.slice(0, at) + text.slice(at >> 1);
  if (kind === 4) return text.slice(0, at) + character + text.slice(at + 1);
  return text.slice(0, at) + character + text.slice(at);
}

/** <base-62-number> of the v0 grammar. */
function base62(value: number): string {
  const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  if (value === 0) return "_";
  const rest = value - 1;
  return `${rest >= 62 ? digits[Math.floor(rest / 62)] : ""}${digits[rest % 62]}_`;
}
