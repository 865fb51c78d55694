/** Lists of addresses of a file's code: the same for every symbolizer, and the same in every run. */

import { execFileSync } from "node:child_process";

/**
 * What a program stopped at, or called from, lies in a function: alone, in a stack, or in a profile. Evenly spread addresses
 * also fall between functions; in a kernel, a quarter of them do.
 *
 * @returns `{ what, addresses }` each; addresses are hexadecimal, with 0x.
 */
export function addressLists(file) {
  const text = codeOf(file);
  const functions = functionsOf(file, text);
  return [
    { what: "one address, cold", addresses: inFunctions(functions, 1) },
    { what: "a stack of 6, cold", addresses: inFunctions(functions, 6) },
    { what: "10,000 as in a profile", addresses: profile(functions, 10_000) },
    { what: "10,000 spread over the code", addresses: shuffled(spread(text, 10_000)) },
    { what: "100,000 spread over the code", addresses: shuffled(spread(text, 100_000)) },
  ];
}

/** Where .text begins and how long it is. */
function codeOf(file) {
  const [, address, size] = / \.text +\w+ +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)/.exec(readelf("-SW", file));
  return { start: BigInt(`0x${address}`), size: Number.parseInt(size, 16) };
}

/** Functions in .text that have a size, in the order of their addresses, each once. */
function functionsOf(file, { start, size }) {
  const found = new Map();
  for (const [, address, length] of readelf("-sW", file).matchAll(/: ([0-9a-f]+) +(\d+) FUNC /g)) {
    const at = BigInt(`0x${address}`);
    if (at >= start && at < start + BigInt(size) && Number(length) > 0) found.set(at, Number(length));
  }
  return [...found].map(([start, size]) => ({ start, size })).sort((a, b) => (a.start < b.start ? -1 : 1));
}

function readelf(option, file) {
  const options = { encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "ignore"] };
  return execFileSync("readelf", [option, file], options);
}

/** In the middle of equal parts. */
function spread({ start, size }, count) {
  return Array.from({ length: count }, (_, i) => hex(start + BigInt(Math.floor((size * (i + 0.5)) / count))));
}

/** In the middle of functions that stand as far from each other. */
function inFunctions(functions, count) {
  return Array.from({ length: count }, (_, i) => {
    const { start, size } = functions[Math.floor((functions.length * (i + 0.5)) / count)];
    return hex(start + BigInt(size >> 1));
  });
}

/**
 * A few hot places take most samples, as in a real profile: the k-th of 2,000 places in proportion to 1/k. A function has
 * as many of them as its size gives it.
 */
function profile(functions, count) {
  const random = generator(1);
  const ends = [];
  for (const { size } of functions) ends.push((ends.at(-1) ?? 0) + size);
  const places = Array.from({ length: 2000 }, () => {
    const at = Math.floor(random() * ends.at(-1));
    const i = ends.findIndex((end) => at < end);
    return hex(functions[i].start + BigInt(functions[i].size - (ends[i] - at)));
  });
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
