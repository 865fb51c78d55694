/**
 * `leakline inspect --json` over the C library, row by row beside readelf and llvm-dwarfdump. Larger libraries:
 * `npm run differential -- --inspect`.
 */

import { expect, test } from "vitest";
import { installedLibc } from "../differential/binaries.ts";
import { compareRows, DWARFDUMP, type Kind } from "../differential/inspect.ts";
import { needTools } from "../support/oracle.ts";

const KINDS: [kind: Kind, atLeast: number][] = [
  ["symbols", 2000],
  ["functions", 3000],
  ["lines", 200_000],
];

test.for(KINDS)("%s of the C library: none missing, none extra", async ([kind, atLeast], context) => {
  needTools(context, "readelf", DWARFDUMP);
  const libc = installedLibc();
  if (!libc && process.env.CI) throw new Error("libc6-dbg is needed in CI and not installed");
  if (!libc) return context.skip("libc6-dbg is not installed");
  // The symbols are the library's own, as `readelf -s` has them; the rest is in its debug file.
  const { rows, ...differences } = await compareRows(kind, libc.path, kind === "symbols" ? libc.path : libc.debugPath);
  expect(differences).toEqual({ missing: [], extra: [], different: [] });
  expect(rows).toBeGreaterThan(atLeast);
});
