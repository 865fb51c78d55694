/**
 * Headless Chromium, driven over the DevTools protocol. The protocol goes through a pair of pipes
 * (`--remote-debugging-pipe`: JSON messages that end with a zero byte), so no WebSocket is needed.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--window-size=1000,900",
  "--remote-debugging-pipe",
];

type Reply = { id?: number; result?: unknown; error?: { message: string } };

export type Page = {
  /** The value of an expression, awaited. It must be plain data. */
  evaluate<T>(expression: string): Promise<T>;
  /** Chooses files of this machine in an `<input type="file">`. */
  chooseFiles(selector: string, paths: readonly string[]): Promise<void>;
  /** A picture of the page, PNG. */
  screenshot(): Promise<Uint8Array>;
};

export type Browser = { open(url: string): Promise<Page>; close(): Promise<void> };

/** Starts Chromium with a profile of its own. Close it when done. */
export function startBrowser(): Browser {
  const profile = mkdtempSync(join(tmpdir(), "leakline-chromium-"));
  const child = spawn("chromium", [...FLAGS, `--user-data-dir=${profile}`], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const send = connect(child);
  return {
    async open(url) {
      const { targetId } = (await send("Target.createTarget", { url: "about:blank" })) as { targetId: string };
      const attached = await send("Target.attachToTarget", { targetId, flatten: true });
      const { sessionId } = attached as { sessionId: string };
      const page = pageOf((method, params) => send(method, params, sessionId));
      await send("Page.navigate", { url }, sessionId);
      await page.evaluate(
        "new Promise((done) => { if (document.readyState === 'complete') done(); else onload = done; })",
      );
      return page;
    },
    async close() {
      const exited = once(child, "exit");
      await send("Browser.close").catch(() => child.kill());
      await exited;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

type Send = (method: string, params?: object, sessionId?: string) => Promise<unknown>;

/** The browser reads from its file descriptor 3 and writes to 4. */
function connect(child: ChildProcess): Send {
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let ended: Error | undefined;
  let unread = "";
  output.setEncoding("utf8");
  output.on("data", (data: string) => {
    const messages = (unread + data).split("\0");
    unread = messages.pop() ?? "";
    for (const message of messages) {
      const { id, result, error } = JSON.parse(message) as Reply;
      const request = id === undefined ? undefined : waiting.get(id);
      if (!request) continue;
      waiting.delete(id as number);
      if (error) request.reject(new Error(error.message));
      else request.resolve(result);
    }
  });
  const end = (cause: unknown): void => {
    ended = new Error("Chromium has ended", { cause });
    for (const { reject } of waiting.values()) reject(ended);
  };
  input.on("error", end);
  child.on("error", end);
  child.on("exit", end);
  let lastId = 0;
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      if (ended) return reject(ended);
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
    });
}

function pageOf(send: Send): Page {
  return {
    async evaluate<T>(expression: string) {
      const reply = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
      const { result, exceptionDetails } = reply as { result: { value: T }; exceptionDetails?: { text: string } };
      if (exceptionDetails) throw new Error(`${exceptionDetails.text}: ${JSON.stringify(result)}`);
      return result.value;
    },
    async chooseFiles(selector, files) {
      const expression = `document.querySelector(${JSON.stringify(selector)})`;
      const { result } = (await send("Runtime.evaluate", { expression })) as { result: { objectId: string } };
      await send("DOM.setFileInputFiles", { files, objectId: result.objectId });
    },
    async screenshot() {
      const { data } = (await send("Page.captureScreenshot")) as { data: string };
      return Buffer.from(data, "base64");
    },
  };
}
