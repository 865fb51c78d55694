/** Load for a web server, until it is killed: `node requests.mjs ORIGIN`. */
import { Agent, request } from "node:http";

const PATHS = ["/page.html", "/", "/text/words", "/old/words", "/back/page.html", "/missing", "/back/text/x"];
const origin = process.argv[2];
const kept = new Agent({ keepAlive: true, maxSockets: 8 });

function send(number) {
  return new Promise((resolve) => {
    const post = number % 5 === 0;
    const headers = { "accept-encoding": number % 2 ? "gzip" : "identity", range: number % 7 ? "" : "bytes=0-99" };
    const options = { method: post ? "POST" : "GET", headers, agent: number % 3 ? kept : undefined };
    const sent = request(origin + PATHS[number % PATHS.length], options, (response) =>
      response.resume().on("close", resolve),
    );
    sent.on("error", resolve).end(post ? "x".repeat(30_000) : undefined);
  });
}

for (let number = 0; ; number += 4) await Promise.all([0, 1, 2, 3].map((i) => send(number + i)));
