import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import { compareBinary } from "./compare.ts";
import { DEBIAN_PACKAGES, packageFiles } from "./packages.ts";
console.log(openLocalModule, compareBinary, DEBIAN_PACKAGES, packageFiles);
