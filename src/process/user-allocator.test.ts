import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LeaklineError } from "../base/errors.ts";
import { parseAllocation, parseRelease } from "./user-allocator.ts";

const NONE = { size: 0, count: 0, old: 0, out: 0, bytes: 0 };

describe("--alloc", () => {
  test.for([
    ["my_alloc", undefined, "my_alloc", { size: 1 }],
    ["my_alloc(size)", undefined, "my_alloc", { size: 1 }],
    ["pool_alloc(_, size)", undefined, "pool_alloc", { size: 2 }],
    [" my_calloc ( count , size ) ", undefined, "my_calloc", { count: 1, size: 2 }],
    ["my_realloc(old, size)", undefined, "my_realloc", { old: 1, size: 2 }],
    ["my_memalign(out, _, size)", undefined, "my_memalign", { out: 1, size: 3 }],
    ["l_alloc(_, old, _, size)", undefined, "l_alloc", { old: 2, size: 4 }],
    ["f(_, _, _, _, _, size, _)", undefined, "f", { size: 6 }],
    ["node_alloc(_, size=48)", undefined, "node_alloc", { bytes: 48 }],
    ["nodes_alloc(count, size = 48)", undefined, "nodes_alloc", { count: 1, bytes: 48 }],
    ["libfoo.so:my_alloc(size)", "libfoo.so", "my_alloc", { size: 1 }],
    ["/opt/my app/libfoo.so:my_alloc", "/opt/my app/libfoo.so", "my_alloc", { size: 1 }],
    ["*:my_alloc", "*", "my_alloc", { size: 1 }],
    ["libfoo.so:0x1139(size)", "libfoo.so", "0x1139", { size: 1 }],
    ["Pool::allocate(_, size)", undefined, "Pool::allocate", { size: 2 }],
    ["libfoo.so:ns::Pool<int>::allocate(_, size)", "libfoo.so", "ns::Pool<int>::allocate", { size: 2 }],
    ["(anonymous namespace)::get", undefined, "(anonymous namespace)::get", { size: 1 }],
    ["Maker::operator()", undefined, "Maker::operator()", { size: 1 }],
    ["Maker::operator()(_, size)", undefined, "Maker::operator()", { size: 2 }],
    ["_ZN4Pool8allocateEm(_, size)", undefined, "_ZN4Pool8allocateEm", { size: 2 }],
  ] as const)("%s", ([text, file, name, roles]) => {
    expect(parseAllocation(text)).toEqual({
      given: `--alloc '${text}'`,
      file,
      name,
      isNoexcept: false,
      signature: { operation: "allocate", ...NONE, ...roles },
    });
  });
});

describe("--free", () => {
  test.for([
    ["my_free", undefined, "my_free", 1],
    ["my_free(ptr)", undefined, "my_free", 1],
    ["pool_free(_, ptr)", undefined, "pool_free", 2],
    ["libfoo.so:Pool::release(_, ptr, _)", "libfoo.so", "Pool::release", 2],
  ] as const)("%s", ([text, file, name, old]) => {
    expect(parseRelease(text)).toEqual({
      given: `--free '${text}'`,
      file,
      name,
      isNoexcept: false,
      signature: { operation: "free", ...NONE, old },
    });
  });
});

test.for([
  ["f(size) noexcept", "f"],
  ["libfoo.so:f noexcept ", "f"],
  ["Pool::operator()(_, size)noexcept", "Pool::operator()"],
] as const)("%s is a promise", ([text, name]) => {
  expect(parseAllocation(text)).toMatchObject({ name, isNoexcept: true });
});

test("a function may be called noexcept, or end with it", () => {
  expect(parseAllocation("is_noexcept")).toMatchObject({ name: "is_noexcept", isNoexcept: false });
  expect(parseAllocation("noexcept(size)")).toMatchObject({ name: "noexcept", isNoexcept: false });
});

/** What is wrong, and what the message must say of it. */
test.for([
  ["", /no name/],
  ["(size)", /no name/],
  ["libfoo.so:", /no name/],
  [":my_alloc", /no file/],
  ["f(size", /not closed/],
  ["f size)", /not opened/],
  ["f()", /size/],
  ["f(_)", /none of the arguments is the size/],
  ["f(count)", /none of the arguments is the size/],
  ["f(length)", /'length'/],
  ["f(unsigned long)", /'unsigned long'/],
  ["f(ptr, size)", /'ptr'/],
  ["f(size, size)", /two arguments are 'size'/],
  ["f(size,, _)", /without a word/],
  ["f(_, _, _, _, _, _, size)", /argument 7/],
  ["f(size, size=4)", /also a number/],
  ["f(size=4, _)", /last/],
  ["f(size=99999999999)", /more than/],
  ["0x1139(size)", /needs its file/],
  ["*:0x1139(size)", /needs its file/],
] as const)("--alloc '%s' is refused, with an example", ([text, reason]) => {
  expect(() => parseAllocation(text)).toThrow(
    expect.objectContaining({
      code: "usage",
      message: expect.stringMatching(reason),
      hint: expect.stringContaining("("),
    }),
  );
});

test.for([
  ["f(_)", /none of the arguments is the block/],
  ["f()", /none of the arguments is the block/],
  ["f(size)", /'size'/],
  ["f(ptr, ptr)", /two arguments/],
  ["f(_, _, _, _, _, _, ptr)", /argument 7/],
] as const)("--free '%s' is refused", ([text, reason]) => {
  expect(() => parseRelease(text)).toThrow(
    expect.objectContaining({ code: "usage", message: expect.stringMatching(reason) }),
  );
});

test("whatever is written, the answer is a function with a name or a usage error", () => {
  const pieces = fc.constantFrom(
    "f",
    ":",
    "::",
    "(",
    ")",
    ",",
    "size",
    "_",
    "old",
    "=",
    "4",
    "0x",
    "*",
    " ",
    "operator",
    "<",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      try {
        const { name, signature } = parseAllocation(parts.join(""));
        expect(name).not.toBe("");
        expect(signature.size > 0 || parts.includes("=")).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(LeaklineError);
        expect(error).toMatchObject({ code: "usage" });
      }
    }),
    { numRuns: 2000 },
  );
});
