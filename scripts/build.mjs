/** `npm run build`: compiles dist/. */

import { build, checkNode, installNpmPackages } from "./setup.mjs";

checkNode();
installNpmPackages();
build();
