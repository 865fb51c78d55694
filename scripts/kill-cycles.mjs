/**
 * `node scripts/kill-cycles.mjs`, as root: attaches to a program under full allocation load and is killed or detaches,
 * many times; whatever is left behind, or wrong in the program, is a failure. About ten minutes.
 *
 *   --kills N     by SIGKILL (200)
 *   --detaches N  orderly (50)
 *   --single N    by SIGKILL with --single-probes, and a quarter as many orderly (20)
 *   --seed N      to repeat a run
 */

import { runCompiled } from "./compiled.mjs";
import { buildIfNeeded, checkNode, installNpmPackages } from "./setup.mjs";

checkNode();
installNpmPackages();
buildIfNeeded();
await runCompiled("test/endurance", "kill-cycles.ts");
