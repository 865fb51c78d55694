/**
 * Bundles the `leakline` command into dist/cli/: few files instead of a hundred modules, each of which Node would have to
 * find, read and link at every start.
 *
 * As CommonJS, which Node starts 10 ms sooner than ES modules. A stack trace is of these files, so functions keep their
 * names. What V8 has to look through before anything runs is kept short: half of a millisecond for each 20 kB.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { ROOT } from "./setup.mjs";

const OUTPUT = join(ROOT, "dist", "cli");
const MAIN = join(ROOT, "src", "cli", "main.ts");
const COMMAND_LINE = join(ROOT, "src", "cli", "command-line.ts");
const ELF = join(ROOT, "src", "cli", "symbolize-elf.ts");
const RECORD = join(ROOT, "src", "cli", "record.ts");

/**
 * The file that a module goes to: one for what runs before anything else is loaded; one for what every command needs, and
 * what the symbolizer has in common with a recorder, which must not load it: recording is done on small devices; and one for
 * the rest of the symbolizer. Other commands' modules are divided by who imports them.
 */
function fileOf(module, context) {
  if (module === MAIN) return null;
  if (!reachable.has(ELF))
    for (const entry of [MAIN, COMMAND_LINE, ELF, RECORD]) reachable.set(entry, loadedWith(entry, context));
  const isIn = (entry) => reachable.get(entry).has(module);
  if (isIn(MAIN)) return "start";
  if (isIn(COMMAND_LINE) || (isIn(ELF) && isIn(RECORD))) return "common";
  return isIn(ELF) ? "resolving" : null;
}

/** By module, all that is loaded with it. */
const reachable = new Map();

function loadedWith(module, context) {
  const modules = new Set([module]);
  for (const id of modules) for (const imported of context.getModuleInfo(id)?.importedIds ?? []) modules.add(imported);
  return modules;
}

/** One other character, and V8 keeps a file with two bytes for each. */
const inAscii = {
  name: "in-ascii",
  generateBundle(_options, bundle) {
    for (const file of Object.values(bundle))
      file.code = file.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  },
};

await build({
  root: ROOT,
  configFile: false,
  logLevel: "warn",
  plugins: [inAscii],
  build: {
    ssr: true,
    outDir: OUTPUT,
    emptyOutDir: true,
    target: "node20.19",
    rolldownOptions: {
      // Threads are started with a file of their own: src/symbolize/local/batch-threads.ts.
      input: { main: "src/cli/main.ts", "batch-worker": "src/symbolize/local/batch-worker.ts" },
      output: {
        format: "cjs",
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        minify: { compress: false, mangle: { toplevel: false } },
        codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: fileOf, debugName: "by use" }] },
      },
    },
  },
});
// The package's own says that .js files are ES modules.
writeFileSync(join(OUTPUT, "package.json"), '{ "type": "commonjs" }\n');
