/** The types with codes of their own: Itanium C++ ABI 5.1.5.2 "Builtin types". Indexed by the code's letter. */
export const BUILTIN_TYPES: Readonly<Record<string, string>> = {
  v: "void",
  w: "wchar_t",
  b: "bool",
  c: "char",
  a: "signed char",
  h: "unsigned char",
  s: "short",
  t: "unsigned short",
  i: "int",
  j: "unsigned int",
  l: "long",
  m: "unsigned long",
  x: "long long",
  y: "unsigned long long",
  n: "__int128",
  o: "unsigned __int128",
  f: "float",
  d: "double",
  e: "long double",
  g: "__float128",
  z: "...",
};

/** Those whose code is a `D` and this letter. */
export const BUILTIN_D_TYPES: Readonly<Record<string, string>> = {
  d: "decimal64",
  e: "decimal128",
  f: "decimal32",
  h: "half",
  i: "char32_t",
  s: "char16_t",
  u: "char8_t",
  a: "auto",
  c: "decltype(auto)",
  n: "std::nullptr_t",
};

/**
 * How an integer literal (5.1.6.1) shows its type: a suffix, or else a cast in front of the value.
 */
export const LITERAL_SUFFIXES: Readonly<Record<string, string>> = { i: "", j: "u", l: "l", m: "ul", x: "ll", y: "ull" };
export const LITERAL_CASTS: Readonly<Record<string, string>> = {
  w: BUILTIN_TYPES.w,
  c: BUILTIN_TYPES.c,
  a: BUILTIN_TYPES.a,
  h: BUILTIN_TYPES.h,
  s: BUILTIN_TYPES.s,
  t: BUILTIN_TYPES.t,
  n: BUILTIN_TYPES.n,
  o: BUILTIN_TYPES.o,
};
