/**
 * The page: takes files and addresses, asks the worker, prints frames as blazecli does. Meanwhile it counts its own
 * turns, which shows that it stays alive.
 */

import { hex, type ModuleFrame } from "../../src/symbolize/core.ts";
import type { Answer, Question } from "./messages.ts";

/** How the page fared while the worker worked; `longest` in milliseconds. */
export type Turns = { count: number; longest: number };

/** The last answer, for the test that drives this page. */
declare global {
  var lastAnswer: { answer: Answer; turns: Turns } | undefined;
}

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const filesInput = element<HTMLInputElement>("files");
const addressesInput = element<HTMLTextAreaElement>("addresses");
const callsInput = element<HTMLInputElement>("calls");
const drop = element("drop");
const status = element("status");
const output = element("frames");
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });

drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer) filesInput.files = event.dataTransfer.files;
});
element("go").addEventListener("click", () => void symbolize());

async function symbolize(): Promise<void> {
  const files = [...(filesInput.files ?? [])];
  const addresses = (addressesInput.value.match(/[0-9a-f]+/gi) ?? []).map((word) => Number.parseInt(word, 16));
  globalThis.lastAnswer = undefined;
  output.textContent = "";
  status.textContent = "working …";
  const turns = countTurns();
  const answer = await ask({ files, addresses, isReturnAddress: callsInput.checked });
  show(answer, addresses, files);
  globalThis.lastAnswer = { answer, turns: turns.stop() };
}

function ask(question: Question): Promise<Answer> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<Answer>) => resolve(data);
    worker.postMessage(question);
  });
}

/** Counts how often the page's thread gets its turn. */
function countTurns(): { stop(): Turns } {
  const turns = { count: 0, longest: 0 };
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    turns.count++;
    turns.longest = Math.max(turns.longest, now - last);
    last = now;
  }, 4);
  return {
    stop() {
      clearInterval(timer);
      return turns;
    },
  };
}

function show(answer: Answer, addresses: readonly number[], files: readonly File[]): void {
  if (answer.kind === "error") {
    status.textContent = answer.message;
    return;
  }
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const read = `read ${megabytes(answer.bytesRead)} of ${megabytes(size)}`;
  status.textContent = [`${answer.module}: ${read}`, ...answer.problems].join("; ");
  output.textContent = answer.frames.flatMap((frames, i) => linesOf(addresses[i], frames)).join("\n");
}

function linesOf(address: number, frames: readonly ModuleFrame[]): string[] {
  const last = frames[frames.length - 1];
  const name = last.symbol ?? `<no-symbol> (${last.reason})`;
  const offset = last.offset === undefined ? "" : `+0x${hex(last.offset)}`;
  const inlined = frames.slice(0, -1).map((frame) => `${" ".repeat(18)}${frame.symbol}${place(frame)} [inlined]`);
  return [`0x${hex(address).padStart(14, "0")}: ${name}${offset}${place(last)}`, ...inlined.reverse()];
}

function place({ file, line, column }: ModuleFrame): string {
  return file === undefined ? "" : ` ${file}:${line}${column ? `:${column}` : ""}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
