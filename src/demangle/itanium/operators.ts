/**
 * The operators of C++ as the Itanium C++ ABI encodes them (5.1.3 "Operator Encodings", 5.1.6 "Expressions").
 *
 * One table serves names (`operator+`) and expressions (`a + b`).
 */

/** Binding strength in C++ ([expr] in the standard's order), strongest first. */
export const PRECEDENCE = {
  primary: 0,
  postfix: 1,
  unary: 2,
  cast: 3,
  memberPointer: 4,
  multiplicative: 5,
  additive: 6,
  shift: 7,
  spaceship: 8,
  relational: 9,
  equality: 10,
  and: 11,
  xor: 12,
  or: 13,
  logicalAnd: 14,
  logicalOr: 15,
  conditional: 16,
  assignment: 17,
  comma: 18,
} as const;

/** How an expression with this operator is encoded and printed. */
export type OperatorForm =
  | "prefix"
  | "postfix"
  | "binary"
  | "subscript"
  | "member"
  | "new"
  | "delete"
  | "call"
  | "cast"
  | "conditional"
  | "namedCast"
  /** sizeof, alignof, typeid of a type or of an expression. */
  | "ofType"
  | "ofExpression"
  /** Can be overloaded but not written in an expression. */
  | "nameOnly";

export type Operator = {
  readonly symbol: string;
  readonly form: OperatorForm;
  readonly precedence: number;
  /** The name of the function that overloads it; "" when that cannot be. */
  readonly functionName: string;
};

const operators = new Map<string, Operator>();

function define(form: OperatorForm, precedence: number, encodings: Record<string, string>): void {
  for (const [code, symbol] of Object.entries(encodings)) {
    operators.set(code, { symbol, form, precedence, functionName: functionName(form, symbol) });
  }
}

function functionName(form: OperatorForm, symbol: string): string {
  if (form === "namedCast" || form === "ofType" || form === "ofExpression") return "";
  if (form === "member" && symbol !== "->" && symbol !== "->*") return "";
  return /^[a-z]/.test(symbol) ? `operator ${symbol}` : `operator${symbol}`;
}

const P = PRECEDENCE;
define("call", P.postfix, { cl: "()" });
define("subscript", P.postfix, { ix: "[]" });
define("member", P.postfix, { dt: ".", pt: "->" });
define("postfix", P.postfix, { mm: "--", pp: "++" });
define("namedCast", P.postfix, { cc: "const_cast", dc: "dynamic_cast", rc: "reinterpret_cast", sc: "static_cast" });
define("ofType", P.postfix, { ti: "typeid " });
define("ofExpression", P.postfix, { te: "typeid " });
define("ofType", P.unary, { at: "alignof ", st: "sizeof " });
define("ofExpression", P.unary, { az: "alignof ", sz: "sizeof " });
define("prefix", P.unary, { ad: "&", co: "~", de: "*", ng: "-", nt: "!", ps: "+" });
define("new", P.unary, { nw: "new", na: "new[]" });
define("delete", P.unary, { dl: "delete", da: "delete[]" });
define("nameOnly", P.primary, { aw: "co_await" });
define("cast", P.cast, { cv: "" });
define("member", P.memberPointer, { ds: ".*", pm: "->*" });
define("binary", P.multiplicative, { dv: "/", ml: "*", rm: "%" });
define("binary", P.additive, { mi: "-", pl: "+" });
define("binary", P.shift, { ls: "<<", rs: ">>" });
define("binary", P.spaceship, { ss: "<=>" });
define("binary", P.relational, { ge: ">=", gt: ">", le: "<=", lt: "<" });
define("binary", P.equality, { eq: "==", ne: "!=" });
define("binary", P.and, { an: "&" });
define("binary", P.xor, { eo: "^" });
define("binary", P.or, { or: "|" });
define("binary", P.logicalAnd, { aa: "&&" });
define("binary", P.logicalOr, { oo: "||" });
define("conditional", P.conditional, { qu: "?" });
define("binary", P.assignment, { aS: "=", aN: "&=", dV: "/=", eO: "^=", lS: "<<=", mI: "-=", mL: "*=", oR: "|=" });
define("binary", P.assignment, { pL: "+=", rM: "%=", rS: ">>=" });
define("binary", P.comma, { cm: "," });

/** The operator that a two-letter code stands for. */
export function operatorOf(code: string): Operator | undefined {
  return operators.get(code);
}
