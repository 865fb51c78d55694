/** `npm run demo`: sets up what is missing, and shows the tutorial's leak being found. */

import {
  buildIfNeeded,
  COMMAND,
  checkNode,
  DEMO_PACKAGES,
  installDebianPackages,
  installNpmPackages,
  run,
} from "./setup.mjs";

checkNode();
installNpmPackages();
if (process.platform === "linux") installDebianPackages(DEMO_PACKAGES);
buildIfNeeded();
run(COMMAND, ["demo", ...process.argv.slice(2)]);
