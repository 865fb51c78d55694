/**
 * Bundles the `leakline` command into dist/cli/: few files instead of a hundred modules, each of which Node would have to
 * find, read and link at every start.
 *
 * As CommonJS, which Node starts 10 ms sooner than ES modules. A stack trace is of these files, so functions keep their
 * names. What V8 has to look through before anything runs is kept short: half of a millisecond for each 20 kB.
 */

import { readFileSync, writeFileSync } from "node:fs";
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
  const isIn = (entry, withLater = false) => loadedWith(entry, context, withLater).has(module);
  if (isIn(MAIN)) return "start";
  if (isIn(COMMAND_LINE) || (isIn(ELF) && isIn(RECORD, true))) return "common";
  if (isIn(ELF) || (isIn(LATER.index) && isIn(LATER.dwarf))) return "resolving";
  if (isIn(LATER.dwarf)) return "dwarf";
  return isIn(LATER.index) ? "index" : null;
}

/** By entry, all modules that are loaded with it, or also those that may be later. */
const reachable = new Map();

function loadedWith(entry, context, withLater) {
  const key = `${entry} ${withLater}`;
  let modules = reachable.get(key);
  if (modules) return modules;
  modules = new Set([entry]);
  for (const id of modules) {
    if (withLater && id.startsWith(STAND_IN)) modules.add(LATER[id.slice(STAND_IN.length)]);
    for (const imported of context.getModuleInfo(id)?.importedIds ?? []) modules.add(imported);
  }
  reachable.set(key, modules);
  return modules;
}

/**
 * Modules that few runs need, and what only they import, become files that are loaded when one of their functions is first
 * called. V8 would have to look through all of them before anything runs: they are most of the symbolizer. Sources know
 * nothing of it: where one is imported stand functions of the same names. So these modules export nothing but functions,
 * and classes of which others make objects and know no more.
 */
const LATER = inSources({
  dwarf: "dwarf/open.ts",
  "unit-lookup": "dwarf/unit-lookup.ts",
  listing: "dwarf/listing.ts",
  "answer-changes": "dwarf/answer-changes.ts",
  sharing: "dwarf/batch/share.ts",
  demangling: "demangle/demangler.ts",
  relocating: "elf/relocate.ts",
  "frame-reader": "elf/frame-reader.ts",
  "eh-frame": "elf/eh-frame.ts",
  dynamic: "elf/dynamic.ts",
  "symbol-versions": "elf/symbol-versions.ts",
  index: "symbolize/local/index-store.ts",
  debuginfod: "symbolize/local/debuginfod.ts",
  threads: "symbolize/local/batch-threads.ts",
  unxz: "compress/xz.ts",
  unzstd: "compress/zstd.ts",
});

function inSources(files) {
  return Object.fromEntries(Object.entries(files).map(([name, path]) => [name, join(ROOT, "src", path)]));
}

const STAND_IN = "\0later:";

const loadedLater = {
  name: "loaded-later",
  enforce: "pre",
  async resolveId(source, importer, options) {
    if (importer === undefined || !source.startsWith(".")) return null;
    if (importer.startsWith(STAND_IN)) return { id: source, external: true };
    const found = await this.resolve(source, importer, { ...options, skipSelf: true });
    const file = found && Object.keys(LATER).find((name) => LATER[name] === found.id);
    return file ? STAND_IN + file : null;
  },
  load(id) {
    if (!id.startsWith(STAND_IN)) return null;
    const file = id.slice(STAND_IN.length);
    const exported = [...readFileSync(LATER[file], "utf8").matchAll(/^export (?!type )(.*)$/gm)].map(([, text]) => {
      const [, kind, name] = /^(function|class)\*? (\w+)\b/.exec(text) ?? [];
      if (name === undefined) throw new Error(`${LATER[file]}: only functions can be loaded later, not ${text}`);
      const call = `${kind === "class" ? "new " : ""}(loaded ??= require("./${file}.js")).${name}(...given)`;
      return `export function ${name}(...given) { return ${call}; }\n`;
    });
    return `let loaded;\n${exported.join("")}`;
  },
};

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
  plugins: [loadedLater, inAscii],
  build: {
    ssr: true,
    outDir: OUTPUT,
    emptyOutDir: true,
    target: "node20.19",
    rolldownOptions: {
      // So what others need of the DWARF reader can stay in its file.
      preserveEntrySignatures: "allow-extension",
      // Threads are started with a file of their own: src/symbolize/local/batch-threads.ts.
      input: { main: "src/cli/main.ts", "batch-worker": "src/symbolize/local/batch-worker.ts", ...LATER },
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
