/** Several processes in one recording, each with its own files: the oracle is nm. */

import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { run } from "../../../test/support/oracle.ts";
import {
  compile,
  hasTool,
  killStartedPrograms,
  type Running,
  start,
  stop,
  temporaryDirectory,
} from "../../../test/support/programs.ts";
import { MappingTracker } from "../../capture/mapping-tracker.ts";
import { describeProcess } from "../../process/process-info.ts";
import type { MappingsEvent } from "../../recording/events.ts";
import { Recording } from "../../recording/recording.ts";
import { Symbolizer } from "../symbolizer.ts";
import { localFiles } from "./local-files.ts";

const directory = temporaryDirectory();
killStartedPrograms();

/** Generated code where every process has it, and a function that is called as the program's name. */
const source = (name: string): string => `
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int ${name}(void) { return 1; }
int main(void) {
  mmap((void *)0x10000000, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  puts("ready"); fflush(stdout); pause(); return ${name}();
}`;

/** Linked to a fixed address, so that all of them are mapped at the same. */
function compileFixed(name: string): string {
  return compile(join(directory, name), source(name), ["-no-pie"]);
}

function addressOf(file: string, symbol: string): bigint {
  const line = run("nm", file)
    .split("\n")
    .find((one) => one.endsWith(` T ${symbol}`));
  return BigInt(`0x${line?.split(" ")[0]}`);
}

/** What the processes have mapped, recorded with file numbers of the whole recording. */
class Trace {
  readonly recording = new Recording();
  readonly symbolizer = new Symbolizer(this.recording, localFiles({ live: true }));
  private readonly numbers = new Map<string, number>();

  /** @returns the event of the mappings. */
  add({ pid }: Running): MappingsEvent {
    const { startTime, command, executable = "" } = describeProcess(pid);
    this.recording.apply({ kind: "process", time: 0, pid, startTicks: startTime, name: command, executable });
    const own = new Map<number, number>();
    let mappings: MappingsEvent | undefined;
    new MappingTracker(pid, {
      emit: (event) => {
        if (event.kind === "file") {
          const key = `${event.inode} ${event.path}`;
          const file = this.numbers.get(key) ?? this.numbers.size + 1;
          this.numbers.set(key, file);
          own.set(event.file, file);
          this.recording.apply({ ...event, file });
        } else if (event.kind === "mappings") {
          const renumbered = event.mappings.map((one) => ({ ...one, file: own.get(one.file) ?? -1 }));
          mappings = { ...event, mappings: renumbered };
          this.recording.apply(mappings);
        }
      },
      warn() {},
    }).update(0);
    return mappings as MappingsEvent;
  }

  symbolAt({ pid }: Running, address: bigint): string | undefined {
    return this.symbolizer.resolve(pid, address, false)[0].symbol;
  }
}

describe.skipIf(!hasTool("gcc") || !hasTool("nm") || process.getuid?.() !== 0)("several processes", () => {
  test("that map different files at the same address have each its own names, also when files and processes are gone", async () => {
    const [first, second] = [compileFixed("first"), compileFixed("second")];
    const [one, two] = [addressOf(first, "first"), addressOf(second, "second")];
    expect(one).toBe(two);
    const running = [await start(first), await start(second)];
    rmSync(first);
    rmSync(second);
    const trace = new Trace();
    for (const program of running) trace.symbolizer.openMappedFiles(trace.add(program));
    for (const program of running) await stop(program);
    expect(running.map((program) => trace.symbolAt(program, one))).toEqual(["first", "second"]);
    expect(trace.symbolizer.problems()).toEqual([]);
  });

  test("of which the first is gone before its file could be opened: the next that maps it gives it", async () => {
    const file = compileFixed("shared");
    const address = addressOf(file, "shared");
    const [gone, stays] = [await start(file), await start(file)];
    rmSync(file);
    const trace = new Trace();
    const mappings = trace.add(gone);
    await stop(gone);
    trace.symbolizer.openMappedFiles(mappings);
    expect(trace.symbolAt(gone, address)).toBeUndefined();
    trace.symbolizer.openMappedFiles(trace.add(stays));
    expect([gone, stays].map((program) => trace.symbolAt(program, address))).toEqual(["shared", "shared"]);
  });

  test("have each its own perf map", async () => {
    const file = compileFixed("generates");
    const running = [await start(file), await start(file)];
    const trace = new Trace();
    for (const [i, program] of running.entries()) {
      const map = `/tmp/perf-${program.pid}.map`;
      writeFileSync(map, `10000000 20 generated_${i}\ndamaged\n`);
      onTestFinished(() => rmSync(map, { force: true }));
      trace.add(program);
    }
    expect(running.map((program) => trace.symbolAt(program, 0x10000010n))).toEqual(["generated_0", "generated_1"]);
    expect(trace.symbolizer.problems()).toHaveLength(2);
  });

  test("a number that was given to another process does not lead to that one's files", async () => {
    const file = compileFixed("reused");
    const address = addressOf(file, "reused");
    const running = await start(file);
    const copy = join(directory, "reused-copy");
    copyFileSync(file, copy);
    rmSync(file);
    const trace = new Trace();
    trace.add(running);
    // As if it had started at another time: only the path leads on, and nothing is there.
    const { pid } = running;
    trace.recording.apply({ kind: "process", time: 0, pid, startTicks: 1, name: "other", executable: "" });
    expect(trace.symbolizer.resolve(pid, address, false)[0].reason).toMatch(/exited/);
    // It is found again where its path leads to, for it has the same build ID.
    copyFileSync(copy, file);
    trace.symbolizer.reopen();
    expect(trace.symbolAt(running, address)).toBe("reused");
  });
});
