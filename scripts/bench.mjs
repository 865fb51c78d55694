/**
 * `npm run bench -- [symbolizing [TEXT]|index [TEXT]|one-stack|many-binaries|tracing|footprint]`: what leakline costs, beside
 * whichever peers are installed.
 */

import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { buildIfNeeded, checkNode, DEMO_PACKAGES, installDebianPackages, installNpmPackages } from "./setup.mjs";

checkNode();
installNpmPackages();
installDebianPackages({ ...DEMO_PACKAGES, time: () => existsSync("/usr/bin/time") });
buildIfNeeded();
// The command starts the Node that is first on PATH: let it be this one.
process.env.PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
const { benchFootprint } = await import("../bench/footprint.mjs");
const { benchTracing } = await import("../bench/tracing.mjs");
const { benchManyBinaries } = await import("../bench/many-binaries.mjs");
const { benchOneStack } = await import("../bench/one-stack.mjs");
const { benchIndex } = await import("../bench/with-index.mjs");
const { benchSymbolizing } = await import("../bench/symbolizing.mjs");
const [which, only] = process.argv.slice(2);
if (which === undefined || which === "symbolizing") benchSymbolizing(only);
if (which === undefined || which === "index") await benchIndex(only);
if (which === undefined || which === "one-stack") benchOneStack();
if (which === undefined || which === "many-binaries") await benchManyBinaries();
if (which === undefined || which === "tracing") await benchTracing();
if (which === undefined || which === "footprint") await benchFootprint();
