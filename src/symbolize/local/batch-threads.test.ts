import { join } from "node:path";
import { build } from "vite";
import { expect, type TestContext, test } from "vitest";
import { codeAddresses, compare, llvmFrames, open, source, withoutSymbols } from "../../../test/support/dwarf-files.ts";
import { needTools, run, temporaryDirectory } from "../../../test/support/oracle.ts";
import { type Answers, type BatchHelper, type BatchPart, openDwarf } from "../../dwarf/index.ts";
import { openFile } from "../../os/file-bytes.ts";
import { batchThreads } from "./batch-threads.ts";

/** A library of four units of one size, and every address of its code. */
function program(context: TestContext): { path: string; addresses: Float64Array } {
  needTools(context, "gcc", "objcopy", "llvm-symbolizer");
  const folder = temporaryDirectory();
  const objects = ["one", "two", "three", "four"].map((name) => {
    const object = join(folder, `${name}.o`);
    const names = [`-DENTRY=${name}`, `-Dnever_called=never_${name}`];
    run("gcc", "-c", "-g", "-O2", "-fPIC", ...names, source("calls.c"), "-o", object);
    return object;
  });
  const path = join(folder, "library.so");
  run("gcc", "-shared", ...objects, "-o", path);
  const stripped = withoutSymbols(path);
  return { path: stripped, addresses: Float64Array.from(codeAddresses(stripped, 1)) };
}

/** Every answer as dwarf-files.ts has those of llvm-symbolizer. */
function texts(answers: Answers, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const { frames } = answers.at(i);
    if (frames.length === 0) return "?? ??:0:0";
    return frames
      .map(({ name, file, line, column }) => `${name ?? "??"} ${file ?? "??"}:${line ?? 0}:${column ?? 0}`)
      .join("\n");
  });
}

/** The code of a thread, as the build has it. */
async function workerCode(): Promise<string> {
  const folder = temporaryDirectory();
  await build({
    configFile: false,
    logLevel: "silent",
    build: {
      ssr: new URL("batch-worker.ts", import.meta.url).pathname,
      outDir: folder,
      rolldownOptions: { output: { format: "es", entryFileNames: "worker.mjs" } },
    },
  });
  return join(folder, "worker.mjs");
}

function expectAsLlvm(path: string, addresses: Float64Array, answers: Answers): void {
  const picked = [...addresses];
  const { differences, known } = compare(picked, texts(answers, picked.length), llvmFrames(path, picked));
  expect(differences).toEqual([]);
  expect(known).toBeGreaterThan(picked.length / 4);
}

test("threads find what llvm-symbolizer finds", async (context) => {
  const { path, addresses } = program(context);
  const file = openFile(path);
  const threads = batchThreads(file, 4, await workerCode()) as BatchHelper;
  let found = 0;
  const helper: BatchHelper = {
    count: () => 3,
    headStart: 0,
    begin(part) {
      const wait = threads.begin(part);
      return () => {
        const columns = wait();
        if (columns) found++;
        return columns;
      };
    },
  };
  const answers = openDwarf({ ...open(path).input, helper }).answerAll(addresses);
  expect(found).toBeGreaterThan(1);
  expectAsLlvm(path, addresses, answers);
  file.close();
});

test("a part that does not come back is resolved here", (context) => {
  const { path, addresses } = program(context);
  const parts: BatchPart[] = [];
  const helper: BatchHelper = {
    count: () => 3,
    headStart: 0,
    begin(part) {
      const isFirst = parts.push(part) === 1;
      return () => (isFirst ? undefined : openDwarf(open(path).input).answerPart(part));
    },
  };
  const answers = openDwarf({ ...open(path).input, helper }).answerAll(addresses);
  expect(parts.length).toBeGreaterThan(1);
  expectAsLlvm(path, addresses, answers);
});

test("there is no answer of a file that is another one by now, nor of code that fails", async (context) => {
  const { path, addresses } = program(context);
  const part = (): BatchPart => ({ addresses: addresses.slice(), units: addresses.map(() => 0), inlines: true });
  const other = batchThreads({ name: path, identity: "another file" }, 2, await workerCode());
  expect(other?.begin(part())()).toBeUndefined();
  const file = openFile(path);
  // It is run as JavaScript, which it is not.
  expect(batchThreads(file, 2, source("calls.c"))?.begin(part())()).toBeUndefined();
  expect(batchThreads(file, 2, join(temporaryDirectory(), "nothing.js"))).toBeUndefined();
  file.close();
});

test("small batches are not given away", () => {
  const helper = batchThreads({ name: "program", identity: "1" }, 8, import.meta.filename);
  expect([0, 1 << 20, 1 << 27].map((bytes) => helper?.count(bytes))).toEqual([0, 0, 0]);
  expect(helper?.count(2 ** 32)).toBe(7);
});
