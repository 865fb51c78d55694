import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { MalformedError } from "../base/errors.ts";
import { readMapsText } from "./live-maps.ts";
import { executableLines, type Mapping, type MappingKind, parseMaps } from "./maps.ts";

/** One line as show_map_vma in fs/proc/task_mmu.c prints it, for a file name that is not escaped yet. */
function kernelLine(m: Mapping): string {
  const { read, write, execute, shared } = m.permissions;
  const permissions = `${read ? "r" : "-"}${write ? "w" : "-"}${execute ? "x" : "-"}${shared ? "s" : "p"}`;
  const device = `${m.deviceMajor.toString(16).padStart(2, "0")}:${m.deviceMinor.toString(16).padStart(2, "0")}`;
  const fields = [
    `${m.start.toString(16).padStart(8, "0")}-${m.end.toString(16).padStart(8, "0")}`,
    permissions,
    m.offset.toString(16).padStart(8, "0"),
    device,
    m.inode.toString(),
  ].join(" ");
  if (m.path === "") return `${fields} \n`;
  const name = m.path.replaceAll("\n", "\\012") + (m.deleted ? " (deleted)" : "");
  return `${fields.padEnd(72)} ${name}\n`;
}

function kindOf(line: string): MappingKind {
  return parseMaps(line)[0].kind;
}

const line = (name: string) => `7f0000000000-7f0000001000 r-xp 00002000 fe:00 260131                     ${name}\n`;

describe("parseMaps", () => {
  test("reads every field of a line", () => {
    expect(parseMaps("55da1f2ca000-55da1f2cf000 r-xs 00002000 fe:1a 260131         /usr/bin/cat\n")).toEqual([
      {
        start: 0x55da1f2ca000n,
        end: 0x55da1f2cf000n,
        offset: 8192,
        permissions: { read: true, write: false, execute: true, shared: true },
        deviceMajor: 254,
        deviceMinor: 26,
        inode: 260131n,
        path: "/usr/bin/cat",
        deleted: false,
        kind: "file",
      },
    ]);
  });

  test("keeps inodes of 64 bits and the highest addresses exact", () => {
    const [mapping] = parseMaps(`ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 ${2n ** 64n - 1n} /x`);
    expect(mapping.inode).toBe(18446744073709551615n);
    expect(mapping.start).toBe(0xffffffffff600000n);
  });

  test.each([
    ["/a b  c", "/a b  c", false],
    ["/line\\012break", "/line\nbreak", false],
    ["/x (deleted)", "/x", true],
    ["/x (deleted) (deleted)", "/x (deleted)", true],
    ["/x (deleted)/y", "/x (deleted)/y", false],
    ["/x//deleted", "/x", true],
    ["/memfd:jit code (deleted)", "/memfd:jit code", true],
    ["/SYSV00000000 (deleted)", "/SYSV00000000", true],
    ["[anon:x (deleted)]", "[anon:x (deleted)]", false],
  ])("reads the name %j", (printed, path, deleted) => {
    expect(parseMaps(line(printed))[0]).toMatchObject({ path, deleted });
  });

  test.each<[string, MappingKind]>([
    ["", "anonymous"],
    ["[heap]", "heap"],
    ["[stack]", "stack"],
    ["[stack:1234]", "stack"],
    ["[vdso]", "vdso"],
    ["[vsyscall]", "vsyscall"],
    ["[uprobes]", "uprobes"],
    ["[vvar]", "special"],
    ["[anon:dalvik-main space]", "anonymous"],
    ["[anon_shmem:x]", "anonymous"],
    ["anon_inode:[perf_event]", "special"],
    ["/[heap]", "file"],
  ])("knows what %j is", (name, kind) => {
    expect(kindOf(line(name))).toBe(kind);
  });

  test("sorts by address", () => {
    const text = "2000-3000 r-xp 0 0:0 0\n1000-2000 r-xp 0 0:0 0\n";
    expect(parseMaps(text).map((mapping) => mapping.start)).toEqual([0x1000n, 0x2000n]);
  });

  test("accepts an empty file, empty lines and no newline at the end", () => {
    expect(parseMaps("")).toEqual([]);
    expect(parseMaps("\n1000-2000 r-xp 0 0:0 0 \n\n2000-3000 r-xp 0 0:0 0 /x")).toHaveLength(2);
  });

  test.each([
    ["1000 r-xp 00000000 00:00 0", "no end"],
    ["1000-2000 rxp 00000000 00:00 0", "three permissions"],
    ["1000-2000 r-xp 00000000 0000 0", "no device"],
    ["2000-1000 r-xp 00000000 00:00 0", "end before start"],
    ["1000-1000 r-xp 00000000 00:00 0", "empty"],
    ["11111111111111111-2 r-xp 00000000 00:00 0", "more than 64 bits"],
    ["1000-2000 r-xp 00000000 00:00", "cut off"],
    ["garbage", "no line at all"],
  ])("names the damaged line: %s (%s)", (bad) => {
    const good = "1000-2000 r-xp 00000000 00:00 0 \n";
    const parse = () => parseMaps(`${good}${good}${bad}\n${good}`, "given.maps");
    expect(parse).toThrow(MalformedError);
    expect(parse).toThrow(/given\.maps: line 3\+0x42: /); // two lines of 33 bytes lie before it
  });

  test("reads back whatever the kernel prints", () => {
    const name = fc
      .string({ unit: "binary", minLength: 1, maxLength: 40 })
      .map((text) => `/${text.replaceAll("\0", "")}x`)
      // Escapes and marks inside real names are ambiguous in the text; they are tested above.
      .filter((path) => !path.includes("\\012"));
    const mapping = fc
      .record({
        start: fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
        size: fc.bigInt({ min: 1n, max: 2n ** 40n }),
        offset: fc.nat().map((page) => page * 4096),
        permissions: fc.record({
          read: fc.boolean(),
          write: fc.boolean(),
          execute: fc.boolean(),
          shared: fc.boolean(),
        }),
        deviceMajor: fc.nat(4095),
        deviceMinor: fc.nat(0xfffff),
        inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        path: fc.oneof(name, fc.constant("")),
        marked: fc.boolean(),
      })
      .map(({ size, marked, ...rest }): Mapping => {
        const end = rest.start + size < 2n ** 64n ? rest.start + size : 2n ** 64n - 1n;
        const isFile = rest.path !== "";
        return { ...rest, end, deleted: isFile && marked, kind: isFile ? "file" : "anonymous" };
      });
    fc.assert(
      fc.property(fc.uniqueArray(mapping, { selector: (m) => m.start, maxLength: 20 }), (mappings) => {
        const sorted = mappings.toSorted((a, b) => (a.start < b.start ? -1 : 1));
        expect(parseMaps(mappings.map(kernelLine).join(""))).toEqual(sorted);
      }),
    );
  });

  test("any text gives mappings or a MalformedError", () => {
    const piece = fc.constantFrom("1000-2000", " r-xp", " 0", " 0:0", " 5", " /x", "\n", "-", "\\012", "é", "\r", "\0");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        try {
          expect(Array.isArray(parseMaps(pieces.join("")))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
    );
  });
});

test("the lines of executable mappings are those that grep finds", (context) => {
  needTools(context, "grep");
  const path = join(temporaryDirectory(), "maps");
  const more = "7f00-8f00 rwxp 0 fd:01 17 /tmp/a  r--p b\n9f00-af00 ---s 0 fd:01 17 /x r-xp x\nff00-ff10 --xp 0 0:0 0";
  const text = readMapsText(process.pid) + more;
  writeFileSync(path, text);
  expect(executableLines(text)).toBe(run("grep", "-E", "^[0-9a-f]+-[0-9a-f]+ ..x", path).trimEnd());
  expect(executableLines(`${text}\n`)).toBe(run("grep", "-E", "^[0-9a-f]+-[0-9a-f]+ ..x", path));
});
