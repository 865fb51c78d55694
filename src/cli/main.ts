#!/usr/bin/env node
/**
 * Where the `leakline` command begins, once leakline.sh has started Node. What there is to it is in command-line.ts: this
 * file is only for what has to be done before any other is loaded.
 */

import { keepCompiledCode } from "./code-cache.ts";

const words = process.argv.slice(2);
keepCompiledCode(words, process.env);
import("./command-line.ts").then(({ runCommandLine }) => runCommandLine(words));
