/** Lists of addresses of a file's code: the same for every symbolizer, and the same in every run. */

import { execFileSync } from "node:child_process";

/** @returns `{ what, addresses }` each; addresses are hexadecimal, with 0x. */
export function addressLists(file) {
  const text = codeOf(file);
  return [
    { what: "one address, cold", addresses: spread(text, 1) },
    { what: "a stack of 6, cold", addresses: spread(text, 6) },
    { what: "10,000 as in a profile", addresses: profile(text, 10_000) },
    { what: "10,000 spread over the code", addresses: shuffled(spread(text, 10_000)) },
    { what: "100,000 spread over the code", addresses: shuffled(spread(text, 100_000)) },
  ];
}

/** Where .text begins and how long it is. */
function codeOf(file) {
  const options = { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] };
  const sections = execFileSync("readelf", ["-SW", file], options);
  const [, address, size] = / \.text +\w+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)/.exec(sections);
  return { start: BigInt(`0x${address}`), size: Number.parseInt(size, 16) };
}

/** In the middle of equal parts. */
function spread({ start, size }, count) {
  return Array.from({ length: count }, (_, i) => hex(start + BigInt(Math.floor((size * (i + 0.5)) / count))));
}

/** A few hot places take most samples, as in a real profile: the k-th of 2,000 places in proportion to 1/k. */
function profile({ start, size }, count) {
  const random = generator(1);
  const places = Array.from({ length: 2000 }, () => hex(start + BigInt(Math.floor(random() * size))));
  return Array.from({ length: count }, () => places[Math.floor(places.length ** random()) - 1]);
}

function shuffled(list) {
  const random = generator(2);
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** Numbers in [0, 1) by a linear congruential generator (Numerical Recipes' constants). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function hex(address) {
  return `0x${address.toString(16).padStart(16, "0")}`;
}
