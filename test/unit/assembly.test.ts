import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ASSEMBLIES, compileAssemblies } from "../../scripts/assembly.mjs";

test("what is committed as WebAssembly is what its sources compile to", () => {
  const folder = mkdtempSync(join(tmpdir(), "leakline-assembly-"));
  try {
    compileAssemblies(folder);
    for (const { source, output } of ASSEMBLIES)
      expect(readFileSync(join(folder, output), "utf8"), `${source} has changed: node scripts/assembly.mjs`).toBe(
        readFileSync(join(import.meta.dirname, "..", "..", output), "utf8"),
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
