/** The committed WebAssembly is what its sources compile to. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("src/*/assembly/ compile to what stands beside them", () => {
  const script = fileURLToPath(new URL("../../scripts/assembly.mjs", import.meta.url));
  const said = execFileSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  expect(said.match(/ is what .* compiles to/g)).toHaveLength(3);
});
