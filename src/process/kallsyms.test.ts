import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { needTools, run, temporaryDirectory } from "../../test/support/oracle.ts";
import { parseHexAddress, toSignedNumber } from "../base/address.ts";
import { LeaklineError } from "../base/errors.ts";
import { type Kallsyms, parseKallsyms } from "./kallsyms.ts";
import { readKallsyms } from "./kernel.ts";

function parse(text: string): Kallsyms {
  return parseKallsyms("kallsyms", new TextEncoder().encode(text));
}

/** An address as kallsyms prints it → as it is kept. */
function at(hexadecimal: string): number {
  return toSignedNumber(parseHexAddress(hexadecimal)!);
}

function nameAt(symbols: Kallsyms, hexadecimal: string): string | undefined {
  const found = symbols.find(at(hexadecimal));
  return "name" in found ? found.name : undefined;
}

const TEXT = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000040 t helper
ffffffff81000090 W weak_one
ffffffff81001000 T _etext
ffffffff82000000 D jiffies
ffffffffc0100000 t demo_exit\t[nf_demo]
ffffffffc0101f00 t demo_last\t[nf_demo]
ffffffffc0100080 t demo_run\t[nf_demo]
ffffffffc0200000 t bpf_prog_6deef7357e7b4530_sched\t[bpf]
ffffffffc0200100 t bpf_trampoline_6442512345\t[bpf]
`;

describe("a small table", () => {
  const symbols = parse(TEXT);

  test("a symbol reaches to the next one, and its aliases are in the order of the file", () => {
    expect(symbols.find(at("ffffffff8100003f"))).toEqual({
      name: "_stext",
      address: at("ffffffff81000000"),
      size: 0x40,
      aliases: ["_text"],
      module: undefined,
    });
    expect(nameAt(symbols, "ffffffff81000040")).toBe("helper");
    expect(nameAt(symbols, "ffffffff81000090")).toBe("weak_one");
    expect(nameAt(symbols, "ffffffff82000007")).toBe("jiffies");
  });

  test("modules and eBPF programs keep their names, also where they are not sorted", () => {
    expect(symbols.find(at("ffffffffc0100081"))).toMatchObject({ name: "demo_run", size: 0x1e80, module: "nf_demo" });
    expect(symbols.find(at("ffffffffc0200010"))).toMatchObject({
      name: "bpf_prog_6deef7357e7b4530_sched",
      module: "bpf",
    });
  });

  test("the last symbol of a module, and the last before data, end with their page", () => {
    expect(nameAt(symbols, "ffffffffc0101fff")).toBe("demo_last");
    expect(symbols.find(at("ffffffffc0101f00"))).toMatchObject({ size: undefined });
    expect(symbols.find(at("ffffffffc0102000"))).toEqual({
      reason: expect.stringContaining("demo_last"),
      module: "nf_demo",
    });
    expect(nameAt(symbols, "ffffffff81001fff")).toBe("_etext");
    expect(nameAt(symbols, "ffffffff81002000")).toBeUndefined();
    expect(nameAt(symbols, "ffffffffc02001ff")).toBe("bpf_trampoline_6442512345");
  });

  test("what is no place in the kernel has no name", () => {
    for (const address of ["0", "10", "7fffffff0000", "ffff888000000000", "ffffffff80ffffff", "ffffffffffffffff"])
      expect(symbols.find(at(address)), address).toEqual({ reason: expect.any(String), module: undefined });
  });

  test("a symbol's address is found by its name, unless the name is not unique", () => {
    expect(symbols.addressOf("_text")).toBe(at("ffffffff81000000"));
    expect(symbols.addressOf("_tex")).toBeUndefined();
    expect(symbols.addressOf("demo_run")).toBeUndefined();
    expect(parse(`${TEXT}ffffffff81000050 t helper\n`).addressOf("helper")).toBeUndefined();
  });

  test("the functions of a module, without its data", () => {
    const more = parse(`${TEXT}ffffffffc0103000 d demo_data\t[nf_demo]\n`);
    expect(more.functions("nf_demo", 10).map(({ name }) => name)).toEqual(["demo_exit", "demo_last", "demo_run"]);
    expect(more.functions("nf_demo", 1)).toEqual([{ name: "demo_exit", address: at("ffffffffc0100000") }]);
    expect(more.functions("absent", 10)).toEqual([]);
  });
});

test("labels of assemblers are no symbols", () => {
  const symbols = parse(
    "ffff800080000000 t one\nffff800080000004 t $x\nffff800080000008 t $d.3\nffff80008000000c t .L4\n",
  );
  expect(nameAt(symbols, "ffff80008000000d")).toBe("one");
});

test("a 32-bit kernel's addresses are not extended", () => {
  expect(parse("c0100000 T _stext\nc0100040 t two\n").find(0xc010_0041)).toMatchObject({
    name: "two",
    address: 0xc010_0040,
  });
});

test("addresses that the kernel hides are a lack of privilege, with the mend", () => {
  const hidden = TEXT.replaceAll(/^[0-9a-f]{16}/gm, "0000000000000000");
  expect(() => parse(hidden)).toThrow(
    expect.objectContaining({ code: "permission", hint: expect.stringContaining("sysctl -w kernel.kptr_restrict=1") }),
  );
});

test("a file that is no symbol table is refused", () => {
  for (const text of ["", "\n", "hello\nworld\n", "\x7fELF\x02\x01", "ffffffff81000000\n"])
    expect(() => parse(text), text).toThrow(expect.objectContaining({ code: "malformed" }));
});

describe("a damaged line", () => {
  test.each([
    ["without a name", "ffffffff81000040 t", "ffffffff81000040"],
    ["with half a module", "ffffffff81000040 t helper\t[nf_", "ffffffff81000040"],
    ["with a control character", "ffffffff81000040 t hel\x01per", "ffffffff81000040"],
    ["with a damaged address", "fffffffg81000040 t helper", "ffffffff81000001"],
    ["with a cut address", "ffffffff8100 t helper", "ffffffff81000001"],
    ["with too long an address", "ffffffff810000400 t helper", "ffffffff81000001"],
    ["with nothing", "", "ffffffff81000001"],
  ])("%s: what may be its symbol has no name, its neighbours do", (_how, line, from) => {
    const symbols = parse(TEXT.replace("ffffffff81000040 t helper", line));
    expect(symbols.problems).toEqual(["kallsyms: line 4 is damaged"]);
    expect(nameAt(symbols, "ffffffff81000000")).toBe("_stext");
    for (const address of [from, "ffffffff81000040", "ffffffff8100008f"])
      expect(symbols.find(at(address)), address).toEqual({
        reason: expect.stringContaining("damaged"),
        module: undefined,
      });
    expect(nameAt(symbols, "ffffffff81000090")).toBe("weak_one");
  });

  test("of a module, without its address, could be anywhere in it: only first bytes are certain", () => {
    const symbols = parse(TEXT.replace("ffffffffc0101f00 t demo_last", "ffff"));
    expect(nameAt(symbols, "ffffffffc0100080")).toBe("demo_run");
    expect(nameAt(symbols, "ffffffffc0100081")).toBeUndefined();
    expect(nameAt(symbols, "ffffffffc0100001")).toBeUndefined();
    expect(nameAt(symbols, "ffffffff81000001")).toBe("_stext");
    expect(nameAt(symbols, "ffffffffc0200010")).toBe("bpf_prog_6deef7357e7b4530_sched");
  });

  test("a last line without its end may be cut off", () => {
    const symbols = parse(`${TEXT}ffffffffc0300000 t other_fun`);
    expect(symbols.problems).toEqual(["kallsyms: line 13 is damaged"]);
    expect(nameAt(symbols, "ffffffffc0300000")).toBeUndefined();
  });
});

test("any damage to one line gives the same names as before, or none", () => {
  const sound = parse(TEXT);
  const lines = TEXT.split("\n").slice(0, -1);
  const probes = lines.flatMap((line) => [0, 1, 0x3f, 0x1000].map((more) => at(line.slice(0, 16)) + more));
  const seed = Date.now() & 0x7fffffff;
  fc.assert(
    fc.property(fc.nat(lines.length - 1), fc.string({ unit: "binary-ascii" }), (which, garbage) => {
      fc.pre(!garbage.includes("\n") && !/^[0-9a-f]{1,16} . /i.test(garbage));
      const symbols = parse(lines.map((line, i) => `${i === which ? garbage : line}\n`).join(""));
      for (const probe of probes) {
        const [before, after] = [sound.find(probe), symbols.find(probe)];
        // Without its neighbour, the aliases are fewer: another name of the same function.
        if ("name" in after) expect("name" in before && [before.name, ...before.aliases]).toContain(after.name);
      }
    }),
    { numRuns: 2000, seed },
  );
});

test("random bytes give nothing but our own error", () => {
  const seed = Date.now() & 0x7fffffff;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        parseKallsyms("noise", bytes).find(0);
      } catch (error) {
        if (!(error instanceof LeaklineError)) throw error;
      }
    }),
    { numRuns: 5000, seed },
  );
});

test("a table that cannot be read says why", () => {
  expect(() => readKallsyms("/no/such/kallsyms")).toThrow(expect.objectContaining({ code: "not-found" }));
  expect(() => readKallsyms("/proc")).toThrow(expect.objectContaining({ code: "io" }));
});

test("every symbol of this machine's kernel is found, with the name and the end that sort and awk give", (context) => {
  needTools(context, "sort", "awk");
  const path = join(temporaryDirectory(), "kallsyms");
  writeFileSync(path, run("cat", "/proc/kallsyms"));
  const shown = '$1 !~ /^0+$/ && tolower($2) != "a" && $3 !~ /^([$]|[.]L)/';
  const lines = run("sh", "-c", `awk '${shown} { print $1, tolower($2), $3, $4 }' ${path} | LC_ALL=C sort -s -k1,1`);
  const rows = lines.split("\n").filter((line) => line !== "");
  if (rows.length === 0) {
    expect(() => readKallsyms(path)).toThrow(expect.objectContaining({ code: "permission" }));
    context.skip("this machine hides its kernel's addresses");
  }
  const symbols = readKallsyms(path);
  expect(symbols.problems).toEqual([]);
  const groups = new Map<string, { kind: string; names: string[]; module: string | undefined }>();
  for (const row of rows) {
    const [address, type, name, module] = row.split(" ");
    const group = groups.get(address);
    if (group) group.names.push(name);
    else groups.set(address, { kind: `${"tw".includes(type)} ${module}`, names: [name], module: module?.slice(1, -1) });
  }
  const starts = [...groups.keys()];
  for (const [i, start] of starts.entries()) {
    const { kind, names, module } = groups.get(start)!;
    const following = starts[i + 1];
    const size =
      following !== undefined && groups.get(following)?.kind === kind ? at(following) - at(start) : undefined;
    const distinct = [...new Set(names)];
    const expected = {
      name: distinct[0],
      address: at(start),
      size,
      aliases: distinct.slice(1, 33),
      module: module || undefined,
    };
    expect(symbols.find(at(start))).toEqual(expected);
    if (size !== undefined) expect(symbols.find(at(start) + size - 1)).toEqual(expected);
  }
  expect(starts.length).toBeGreaterThan(1000);
});
