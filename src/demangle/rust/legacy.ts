/**
 * Rust's legacy names, the compiler's default until 2025: `_ZN`, path elements with their lengths, `E`, as in C++, where
 * the last element is `h` and sixteen hexadecimal digits. Characters that symbols must not have are escaped.
 * There is no specification; rustc's `legacy.rs` (compiler/rustc_symbol_mangling) is what writes them.
 */

const HASH_LENGTH = 17;

/** rustc's escapes, `$NAME$`; besides these there is `$u7e$`, a code point in hexadecimal. */
const ESCAPES: Readonly<Record<string, string>> = {
  SP: "@",
  BP: "*",
  RF: "&",
  LT: "<",
  GT: ">",
  LP: "(",
  RP: ")",
  C: ",",
};

/**
 * The Rust path that `mangled` stands for: `core::fmt::write`.
 *
 * @param withHash keeps the last element, `core::fmt::write::h0123456789abcdef`, which tells instances apart.
 * @returns undefined when it is not such a name: without the hash it cannot be told from C++.
 */
export function demangleRustLegacy(mangled: string, withHash: boolean): string | undefined {
  let at = prefixLength(mangled);
  if (at === 0) return undefined;
  const elements: string[] = [];
  while (mangled[at] !== "E") {
    let length = 0;
    const start = at;
    for (; at - start < 9; at++) {
      const digit = mangled.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      length = length * 10 + digit;
    }
    if (length === 0 || at + length > mangled.length) return undefined;
    elements.push(mangled.slice(at, at + length));
    at += length;
  }
  const hash = elements.pop();
  if (hash === undefined || elements.length === 0 || !isHash(hash)) return undefined;
  const suffix = mangled.slice(at + 1);
  if (suffix !== "" && suffix[0] !== ".") return undefined;
  let path = elements.map(plainText).join("::");
  if (withHash) path += `::${hash}`;
  return suffix === "" ? path : `${path} (${suffix})`;
}

function prefixLength(mangled: string): number {
  if (mangled.startsWith("_ZN")) return 3;
  return mangled.startsWith("__ZN") ? 4 : 0;
}

function isHash(element: string): boolean {
  if (element.length !== HASH_LENGTH || element[0] !== "h") return false;
  for (let i = 1; i < HASH_LENGTH; i++) if (!isHexDigit(element.charCodeAt(i))) return false;
  return true;
}

function isHexDigit(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102);
}

/** What cannot be unescaped stays as it is, with all that follows it. */
function plainText(element: string): string {
  // An underscore makes an identifier of an element that starts with an escape.
  let at = element.startsWith("_$") ? 1 : 0;
  let text = "";
  while (at < element.length) {
    if (element[at] === ".") {
      const isPathSeparator = element[at + 1] === ".";
      text += isPathSeparator ? "::" : ".";
      at += isPathSeparator ? 2 : 1;
    } else if (element[at] === "$") {
      const end = element.indexOf("$", at + 1);
      const character = end < 0 ? undefined : unescaped(element.slice(at + 1, end));
      if (character === undefined) break;
      text += character;
      at = end + 1;
    } else {
      const start = at;
      while (at < element.length && element[at] !== "." && element[at] !== "$") at++;
      text += element.slice(start, at);
    }
  }
  return text + element.slice(at);
}

function unescaped(code: string): string | undefined {
  if (!code.startsWith("u")) return Object.hasOwn(ESCAPES, code) ? ESCAPES[code] : undefined;
  let codePoint = 0;
  for (let i = 1; i < code.length; i++) {
    if (!isHexDigit(code.charCodeAt(i))) return undefined;
    codePoint = codePoint * 16 + Number.parseInt(code[i], 16);
  }
  const isControl = codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return isControl || isSurrogate || codePoint > 0x10ffff ? undefined : String.fromCodePoint(codePoint);
}
