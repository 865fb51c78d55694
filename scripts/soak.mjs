/**
 * `node scripts/soak.mjs MINUTES`, as root: a busy program with leakline beside it; prints leakline's memory and open
 * files over time, their slope after the first third, and both accounts at the end.
 *
 *   --threads N   that allocate at full rate (3)
 *   --stacks N    different ones; all have come after half of the time (4096)
 *   --libraries N that are opened and closed, one of them every 20 threads, which is some ten times a second (3)
 *   --interval S  seconds between leakline's readings (1)
 */

import { runCompiled } from "./compiled.mjs";
import { buildIfNeeded, checkNode, installNpmPackages } from "./setup.mjs";

checkNode();
installNpmPackages();
buildIfNeeded();
await runCompiled("test/endurance", "soak.ts");
