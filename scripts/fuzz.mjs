/**
 * `node scripts/fuzz.mjs --minutes N`: the symbolizer over damaged files, for longer than the tests do it.
 *
 *   --seed N     to repeat a run
 *   --only TEXT  seeds whose name has it (test/fixtures/hostile)
 */

import { runCompiled } from "./compiled.mjs";
import { checkNode, installNpmPackages } from "./setup.mjs";

checkNode();
installNpmPackages();
await runCompiled("test/hostile", "main.ts");
