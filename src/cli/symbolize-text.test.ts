import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable, Writable } from "node:stream";
import { beforeAll, describe, expect, test } from "vitest";
import { run } from "../../test/support/oracle.ts";
import {
  compile,
  hasTool,
  killStartedPrograms,
  type Running,
  start,
  temporaryDirectory,
} from "../../test/support/programs.ts";
import { parseArguments } from "./command.ts";
import { filterLines, fromLatin1 } from "./line-stream.ts";
import { filterText, symbolizeText } from "./symbolize-text.ts";

const directory = temporaryDirectory();
killStartedPrograms();

/** Runs the filter over an input that arrives in these pieces. */
async function filter(options: string, ...pieces: (string | Buffer)[]): Promise<string> {
  const written: Buffer[] = [];
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk);
      done();
    },
  });
  const given = parseArguments(symbolizeText, options.split(" ").filter(Boolean));
  await filterText(given, Readable.from(pieces.map((piece) => Buffer.from(piece))), output);
  return Buffer.concat(written).toString("utf8");
}

/** Prints its stack, as backtrace_symbols does and as memleak does, and its own maps to a file. */
const SOURCE = `
#include <execinfo.h>
#include <stdio.h>
#include <unistd.h>
static inline __attribute__((always_inline)) int print_stack(void) {
  void *stack[20];
  int count = backtrace(stack, 20);
  backtrace_symbols_fd(stack, 2, 1);
  for (int i = 0; i < 2; i++) printf("[%3d] %p\\n", i, stack[i]);
  for (int i = 0; i < 2; i++) printf("%d [<%016lx>]\\n", i, (unsigned long)stack[i]);
  return count;
}
__attribute__((noinline)) int deep(int x) { return print_stack() + x; }
int main(int count, char **arguments) {
  int result = deep(count);
  FILE *in = fopen("/proc/self/maps", "r"), *out = fopen(arguments[1], "w");
  for (int c; (c = getc(in)) != EOF;) putc(c, out);
  fclose(out);
  puts("ready");
  fflush(stdout);
  pause();
  return result;
}
`;

describe.skipIf(!hasTool("gcc") || !hasTool("addr2line"))("symbolize text", () => {
  const program = join(directory, "prints-stack");
  const maps = join(directory, "maps");
  let target: Running;
  /** What addr2line says about the calls: the frames of stack addresses 0 and 1. */
  let answers: string[];

  beforeAll(async () => {
    compile(program, SOURCE, ["-g"]);
    target = await start(program, [maps]);
    const offsets = [...target.output.matchAll(/\(\+0x([0-9a-f]+)\)/g)].map(([, offset]) => BigInt(`0x${offset}`));
    expect(offsets).toHaveLength(2);
    const symbols = new Map(
      run("nm", program)
        .split("\n")
        .map((line) => line.split(" "))
        .map(([address, , name]) => [name, BigInt(`0x${address || 0}`)]),
    );
    answers = offsets.map((offset) => {
      const lines = run("addr2line", "-fie", program, (offset - 1n).toString(16))
        .trim()
        .split("\n");
      const frames: string[] = [];
      for (let i = 0; i < lines.length; i += 2) {
        const isLast = i + 2 === lines.length;
        const start = symbols.get(lines[i]) ?? 0n;
        const place = lines[i + 1].replace(/^.*\//, "").replace(/ \(discriminator \d+\)$/, "");
        frames.push(`${lines[i]}${isLast ? `+0x${(offset - start).toString(16)}` : ""} ${place}`);
      }
      return frames.join(", inlined in ");
    });
    expect(answers[0]).toMatch(/^print_stack prints-stack\.c:\d+, inlined in deep\+0x/);
    expect(answers[1]).toMatch(/^main\+0x/);
  });

  /** The program's output with an answer at the end of each line. */
  function expected(): string {
    return target.output
      .split("\n")
      .map((line, index) => (line === "" ? line : `${line} ${answers[index % 2]}`))
      .join("\n");
  }

  test("resolves backtraces and stacks of a running process", async () => {
    expect(await filter(`--pid ${target.pid}`, target.output)).toBe(expected());
  });

  test("resolves them with saved maps", async () => {
    expect(await filter(`--maps ${maps}`, target.output)).toBe(expected());
  });

  test("resolves them with saved maps and a sysroot, where the program was deleted", async () => {
    const sysroot = join(directory, "sysroot");
    const copy = join(directory, "deleted");
    copyFileSync(program, copy);
    run("chmod", "755", copy);
    const { output } = await start(copy, [`${maps}.deleted`]);
    mkdirSync(join(sysroot, dirname(copy)), { recursive: true });
    copyFileSync(program, join(sysroot, copy));
    rmSync(copy);
    const lines = output.trim().split("\n").slice(2);
    expect(await filter(`--maps ${maps}.deleted --sysroot ${sysroot}`, lines.join("\n"))).toBe(
      lines.map((line, index) => `${line} ${answers[index % 2]}`).join("\n"),
    );
    // A maps file that was saved after the file was deleted says so; then a file of the same name is not it.
    const marked = readFileSync(`${maps}.deleted`, "utf8").replaceAll(copy, `${copy} (deleted)`);
    writeFileSync(`${maps}.marked`, marked);
    const json = JSON.parse(await filter(`--json --maps ${maps}.marked --sysroot ${sysroot}`, lines[0]));
    expect(json.addresses[0].reason).toMatch(/\(deleted\): no such file here/);
  });

  test("resolves addresses of a file, also by the name that a line gives", async () => {
    const [, , , , line] = target.output.split("\n");
    const [backtrace] = target.output.split("\n");
    expect(await filter(`--path ${program}`, backtrace)).toBe(`${backtrace} ${answers[0]}`);
    const absolute = program.startsWith("/") ? `in f (${program}+0x${backtrace.match(/\+0x(\w+)/)?.[1]})` : "";
    expect(await filter("--return-addresses", absolute)).toBe(`${absolute} ${answers[0]}`);
    expect(await filter("", line)).toBe(line);
  });

  test("replaces the addresses on demand", async () => {
    const lines = target.output.split("\n").slice(4, 6);
    const replaced = lines.map((line, index) => line.replace(/\[<.*>\]/, answers[index])).join("\n");
    expect(await filter(`--replace --pid ${target.pid}`, lines.join("\n"))).toBe(replaced);
  });

  test("gives one JSON object a line, and the reason for what is not resolved", async () => {
    const text = `nothing here\n${target.output.split("\n")[2]}\nat 0x10\r\n`;
    const lines = (await filter(`--json --pid ${target.pid}`, text)).trim().split("\n");
    const [nothing, found, unknown] = lines.map((line) => JSON.parse(line));
    expect(nothing).toEqual({ version: 1, kind: "line", line: 1, text: "nothing here", addresses: [] });
    expect(found).toMatchObject({ version: 1, line: 2, text: target.output.split("\n")[2] });
    expect(found.addresses[0]).toMatchObject({
      column: 7,
      frames: [{ symbol: "print_stack", inlined: true }, { symbol: "deep" }],
    });
    expect(unknown).toMatchObject({
      text: "at 0x10",
      addresses: [{ address: "0x10", column: 4, reason: "not in any executable mapping" }],
    });
  });

  test("does not mind how its input is cut", async () => {
    const bytes = Buffer.from(target.output);
    const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
    expect(await filter(`--pid ${target.pid}`, ...pieces)).toBe(expected());
  });

  test("keeps every byte of what it does not resolve", async () => {
    const bytes = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
    const given = parseArguments(symbolizeText, ["--pid", String(target.pid)]);
    const written: Buffer[] = [];
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        written.push(chunk);
        done();
      },
    });
    await filterText(given, Readable.from([bytes, bytes]), output);
    expect(Buffer.concat(written)).toEqual(Buffer.concat([bytes, bytes]));
  });

  test("goes on answering when the process has exited", async () => {
    const mortal = await start(program, [`${maps}.mortal`]);
    let wasKilled = false;
    async function* input() {
      yield Buffer.from(mortal.output);
      mortal.child.kill("SIGKILL");
      await once(mortal.child, "exit");
      wasKilled = true;
      yield Buffer.from(mortal.output);
    }
    const lines: string[] = [];
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        lines.push(...chunk.toString("utf8").trim().split("\n"));
        done();
      },
    });
    await filterText(parseArguments(symbolizeText, ["--pid", String(mortal.pid)]), input(), output);
    expect(wasKilled).toBe(true);
    expect(lines).toHaveLength(12);
    for (const [index, line] of lines.entries()) expect(line.endsWith(answers[index % 2])).toBe(true);
  });

  test.each([
    ["--pid 1 --path x", /one of --pid, --maps and --path/],
    ["--pid x", /not a PID/],
    [`--maps ${program}`, /is not a line of a maps file/],
    ["--maps /none", /no such file/],
    ["--path /etc/passwd", /not an ELF file/i],
  ])("refuses %s", async (options, message) => {
    await expect(filter(options, "0x1\n")).rejects.toThrow(message);
  });
});

describe("filterLines", () => {
  test("passes a line on that is longer than any log's, without holding it", async () => {
    const piece = "x".repeat(1 << 19);
    let most = 0;
    let length = 0;
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        most = Math.max(most, chunk.length);
        length += chunk.length;
        done();
      },
    });
    const seen: string[] = [];
    const input = Readable.from([
      ...Array.from({ length: 64 }, () => Buffer.from(piece)),
      Buffer.from("end 0x1\nnext line\n"),
    ]);
    await filterLines(input, output, async (lines) => {
      seen.push(...lines);
      return lines.join("");
    });
    expect(length).toBe(64 * piece.length + "end 0x1\nnext line\n".length);
    expect(most).toBeLessThanOrEqual(4 << 19);
    expect(seen).toEqual(["next line\n"]);
  });

  test("waits while its reader does", async () => {
    let waiting = 0;
    let most = 0;
    const output = new Writable({
      highWaterMark: 1000,
      write(chunk: Buffer, _encoding, done) {
        waiting -= chunk.length;
        setImmediate(done);
      },
    });
    async function* input() {
      for (let i = 0; i < 200; i++) {
        waiting += 500;
        most = Math.max(most, waiting);
        yield Buffer.from(`${"y".repeat(499)}\n`);
      }
    }
    await filterLines(input(), output, async (lines) => lines.join(""));
    expect(most).toBeLessThanOrEqual(2500);
  });

  test("reads UTF-8 back from Latin-1", () => {
    expect(fromLatin1(Buffer.from("déjà 中文").toString("latin1"))).toBe("déjà 中文");
  });
});
