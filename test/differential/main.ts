import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import { compareBinary } from "./compare.ts";
import { DEBIAN_PACKAGES, packageFiles } from "./packages.ts";
import { BUILDS, compileProgram } from "./programs.ts";

console.log(BUILDS, compileProgram, openLocalModule, compareBinary, DEBIAN_PACKAGES, packageFiles);
