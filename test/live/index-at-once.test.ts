/** An index on disk while several processes write it and read it: each answers as if it were alone. */

import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { MAIN } from "../support/live.ts";
import { compile, hasTool, temporaryDirectory } from "../support/programs.ts";

const directory = temporaryDirectory();
const FUNCTIONS = 400;
const ROUNDS = 4;

const source = Array.from(
  { length: FUNCTIONS },
  (_, i) => `__attribute__((noinline)) int function_${i}(int x) { return x * ${i + 2}; }`,
);

/** As nm lists them: the oracle. */
function functionsOf(path: string): { name: string; address: string }[] {
  const lines = execFileSync("nm", [path], { encoding: "utf8" }).split("\n");
  return lines.flatMap((line) => {
    const found = /^0*([0-9a-f]+) T (function_\d+)$/.exec(line);
    return found ? [{ name: found[2], address: `0x${found[1]}` }] : [];
  });
}

describe.skipIf(!hasTool("gcc") || !hasTool("nm"))("an index that several processes write at once", () => {
  test("gives none of them a wrong answer, and is whole afterwards", async () => {
    const path = compile(join(directory, "many"), [...source, "int main(void) { return 0; }"].join("\n"), ["-g"]);
    const functions = functionsOf(path);
    expect(functions).toHaveLength(FUNCTIONS);
    const cache = mkdtempSync(join(directory, "cache-"));
    mkdirSync(join(cache, "leakline"), { mode: 0o700 });
    const leakline = async (...words: string[]): Promise<string> => {
      const args = [MAIN, "symbolize", "elf", "--path", path, ...words];
      return (await promisify(execFile)(process.execPath, args, { env: { ...process.env, XDG_CACHE_HOME: cache } }))
        .stdout;
    };
    const askSome = async (first: number): Promise<void> => {
      const asked = functions.filter((_, i) => i % 7 === first % 7);
      const answers = (await leakline(...asked.map(({ address }) => address))).trimEnd().split("\n");
      expect(answers.map((line) => line.split(" ")[1])).toEqual(asked.map(({ name }) => name));
    };
    for (let round = 0; round < ROUNDS; round++) {
      const asking = Array.from({ length: 5 }, (_, i) => askSome(round + i));
      await Promise.all([...asking, leakline("--index"), ...(round % 2 ? [leakline("--index")] : [])]);
    }
    const left = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".new"));
    expect(left, "files that are written before they take their place").toEqual([]);
    for (let first = 0; first < 7; first++) await askSome(first);
  });
});
