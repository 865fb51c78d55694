/**
 * Node at work, so that V8's compilers, its garbage collector and the library's own threads allocate below generated
 * code: JSON, regular expressions, sorting, buffers, compression, hashing, files, sockets, workers. Prints `ready`, works
 * from the next line on stdin to the one after, and prints `done`.
 */
import { createHash, pbkdf2Sync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, get } from "node:http";
import { setImmediate } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import { deflateSync, inflateSync } from "node:zlib";

let seed = 1;
const random = (limit) => {
  seed = (seed * 48271) % 2147483647;
  return seed % limit;
};

const document = (depth) =>
  depth === 0
    ? `text ${random(1000)}`
    : Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`key${i}`, document(depth - 1)]));

const JOBS = [
  () => JSON.parse(JSON.stringify(document(4), null, 1)),
  () => "alpha beta12 x-ray 9.75 ".repeat(50).replace(/(\w+)-(\w+)/g, (_, a, b) => b + a),
  () => new RegExp(`w${random(1e6)}[a-f]*|(x+)+y`, "u").test("w12abc".repeat(30)),
  () => Array.from({ length: 300 }, () => random(1e9)).sort((a, b) => Buffer.alloc(16).length - 16 + a - b),
  () => inflateSync(deflateSync(Buffer.alloc(5000, "data"))),
  () => createHash("sha256").update(Buffer.allocUnsafe(9000)).digest("hex"),
  () => pbkdf2Sync("secret", "salt", 2, 32, "sha512"),
  () => runInNewContext(`function f${random(1e6)}(a) { return [...Array(20)].map((_, i) => ({ a, i })); } f = 1`),
  () =>
    new Function("a", `let sum = ${random(1e6)}; for (let i = 0; i < 2000; i++) sum += a[i % 9] * i; return sum;`)([
      1, 2, 3,
    ]),
  () => new Uint8Array(20000).map((_, i) => i).toString(),
  () => new TextDecoder("utf-16le").decode(new Uint8Array(3000)),
  () => new Intl.DateTimeFormat("en").format(random(1e9)),
  () => structuredClone(new Map([[random(99), document(2)]])),
];

const server = createServer((request, response) =>
  response.end(JSON.stringify({ url: request.url, body: document(2) })),
);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();
const request = () =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: `/${random(99)}` }, (response) => response.resume().on("end", resolve)).on(
      "error",
      reject,
    );
  });

console.log("ready");
await new Promise((resolve) => process.stdin.once("data", resolve));
let stopped = false;
process.stdin.once("data", () => {
  stopped = true;
});
while (!stopped) {
  for (const job of JOBS) job();
  await Promise.all([request(), request(), readFile("/proc/self/status")]);
  await setImmediate();
}
console.log("done");
process.exit(0);
