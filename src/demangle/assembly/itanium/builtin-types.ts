import { SMALL_A } from "../letters.ts";

/** The types with codes of their own: Itanium C++ ABI 5.1.5.2 "Builtin types". By the code's letter; "" for none. */
const BUILTIN_TYPES: StaticArray<string> = [
  "signed char", // a
  "bool", // b
  "char", // c
  "double", // d
  "long double", // e
  "float", // f
  "__float128", // g
  "unsigned char", // h
  "int", // i
  "unsigned int", // j
  "", // k
  "long", // l
  "unsigned long", // m
  "__int128", // n
  "unsigned __int128", // o
  "", // p
  "", // q
  "", // r
  "short", // s
  "unsigned short", // t
  "", // u
  "void", // v
  "wchar_t", // w
  "long long", // x
  "unsigned long long", // y
  "...", // z
];

/** Those whose code is a `D` and this letter. */
const BUILTIN_D_TYPES: StaticArray<string> = [
  "auto", // a
  "", // b
  "decltype(auto)", // c
  "decimal64", // d
  "decimal128", // e
  "decimal32", // f
  "", // g
  "half", // h
  "char32_t", // i
  "", // j
  "", // k
  "", // l
  "", // m
  "std::nullptr_t", // n
  "", // o
  "", // p
  "", // q
  "", // r
  "char16_t", // s
  "", // t
  "char8_t", // u
];

/** How an integer literal (5.1.6.1) shows its type: a suffix, or else a cast in front of the value. */
export const SUFFIXED_LITERALS = "ijlmxy";
export const LITERAL_SUFFIXES: StaticArray<string> = ["", "u", "l", "ul", "ll", "ull"];
export const CAST_LITERALS = "wcahstno";

/** "" for none. */
export function builtinType(letter: u8): string {
  return at(BUILTIN_TYPES, letter);
}

/** "" for none. */
export function builtinDType(letter: u8): string {
  return at(BUILTIN_D_TYPES, letter);
}

function at(types: StaticArray<string>, letter: u8): string {
  const index: u32 = letter - SMALL_A;
  return index < <u32>types.length ? unchecked(types[index]) : "";
}
