/**
 * Which files a command will have mapped executable when it begins, known before it is started: those are where the
 * probes go.
 *
 * The dynamic linker itself is asked (`ld.so --list FILE`; glibc and musl both have it), with the command's own
 * environment, user and working directory, so that RPATH, LD_LIBRARY_PATH, LD_PRELOAD and ld.so.cache count as they
 * will. It maps the files but runs none of their code other than resolvers of indirect functions. Which linker, the
 * program's PT_INTERP says; it runs with no more rights than the command will have.
 *
 * Before that, scripts are followed to what interprets them (execve(2), "Interpreter scripts"), and `env` to the
 * program that it executes. What a program opens later (dlopen(3)), or executes, cannot be foreseen.
 */

import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import { posix } from "node:path";
import { type ByteSource, decodeText } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { openElf } from "../elf/index.ts";
import { openFile } from "../os/file-bytes.ts";
import { MAX_INTERPRETER_PATH, PT_INTERP, SCRIPT_LINE } from "./constants.ts";
import type { LaunchOptions } from "./launch.ts";
import { resolveCommand } from "./resolve-command.ts";

export type ForeseenFiles = {
  /** Absolute, without symbolic links, as /proc/PID/maps will show them; the program first, each once. */
  readonly files: readonly string[];
  /** Why more may be mapped than is listed; undefined when nothing went wrong. */
  readonly problem: string | undefined;
};

/** Scripts and `env` behind one another; the kernel itself follows four scripts (fs/exec.c, exec_binprm). */
const MAX_STEPS = 8;
/** More than the closures of the largest programs have. */
const MAX_LISTED = 4096;
const LINKER_TIME = 10_000;
const LINKER_OUTPUT = 1 << 20;

/**
 * @param words the command and its arguments.
 * @returns a part of the list, with the reason, when something stands in the way. Never throws for what the command is.
 */
export async function foreseeMappedFiles(words: readonly string[], options: LaunchOptions): Promise<ForeseenFiles> {
  const files = new Set<string>();
  let problem: string | undefined;
  try {
    let next: readonly string[] | undefined = words;
    for (let steps = 0; next; steps++) {
      if (steps === MAX_STEPS)
        throw new LeaklineError("limit", `${words[0]}: more than ${MAX_STEPS} interpreters deep`);
      next = await addProgram(next, options, files);
    }
  } catch (error) {
    if (!(error instanceof LeaklineError)) throw error;
    problem = error.message;
  }
  return { files: [...files], problem };
}

/** Adds the files of one program. @returns the words of the program that it will execute in its place, if it will. */
async function addProgram(
  words: readonly string[],
  options: LaunchOptions,
  files: Set<string>,
): Promise<readonly string[] | undefined> {
  const path = resolveCommand(words[0], options);
  const bytes = openFile(path);
  let interpreter: string | undefined;
  try {
    const script = readScriptLine(bytes);
    if (script) return [...script, path, ...words.slice(1)];
    // Neither: the shell that starts the command reads it as its own script.
    if (!isElf(bytes)) return ["/bin/sh", path];
    interpreter = readInterpreter(bytes);
  } finally {
    bytes.close();
  }
  addFiles([path], files);
  if (interpreter !== undefined) {
    const linker = posix.resolve(options.cwd, interpreter);
    // Listed too, but this much is known when it cannot be asked.
    addFiles([linker], files);
    // What $ORIGIN means goes by where the program really lies, as the kernel tells it to the linker otherwise.
    addFiles(await listLibraries(linker, realPath(path), options), files);
  }
  return posix.basename(path) === "env" ? wordsBehindEnv(words) : undefined;
}

/** `#!interpreter argument`: both, or the first; undefined for what is no script. */
function readScriptLine(bytes: ByteSource): string[] | undefined {
  const [first] = decodeText(bytes.read(0, Math.min(bytes.size, SCRIPT_LINE))).split("\n", 1);
  if (!first.startsWith("#!")) return undefined;
  // All behind the interpreter is one argument, blanks and all.
  const [, interpreter, argument] = /^([^ \t\0]+)[ \t]*([^\0]*)/.exec(first.slice(2).trim()) ?? [];
  if (interpreter === undefined) return undefined;
  return argument === "" ? [interpreter] : [interpreter, argument];
}

function isElf(bytes: ByteSource): boolean {
  return bytes.size >= 4 && decodeText(bytes.read(0, 4)) === "\x7fELF";
}

/** The dynamic linker's path; undefined for a program that is linked statically. */
function readInterpreter(bytes: ByteSource): string | undefined {
  const { segments } = openElf(bytes);
  if (segments.length === 0) throw new LeaklineError("malformed", `${bytes.name}: has no segment to load`);
  const segment = segments.find(({ type }) => type === PT_INTERP);
  if (!segment) return undefined;
  if (segment.fileSize > MAX_INTERPRETER_PATH)
    throw new LeaklineError("limit", `${bytes.name}: the path of its dynamic linker is too long`);
  return decodeText(bytes.read(segment.offset, segment.fileSize)).replace(/\0.*$/s, "");
}

/** What `env` executes: the first word that is neither an option nor an assignment. */
function wordsBehindEnv(words: readonly string[]): string[] | undefined {
  // `env -S 'a b'` in a script's first line is one word that env itself splits.
  const split = words.flatMap((word, i) =>
    i === 1 && word.startsWith("-S") ? word.slice(2).trim().split(/\s+/) : word,
  );
  const at = split.findIndex((word, i) => i > 0 && !word.startsWith("-") && !word.includes("="));
  return at < 0 ? undefined : split.slice(at);
}

/**
 * The paths that a dynamic linker names, one a line: `name => path (address)`, or `path (address)`. A name without a
 * path (`linux-vdso.so.1`) is no file.
 */
async function listLibraries(interpreter: string, program: string, options: LaunchOptions): Promise<string[]> {
  const output = await runLinker(interpreter, program, options);
  const paths = output.split("\n").flatMap((line) => {
    const path = /^\t(?:.* => )?(.*\/.*) \(0x[0-9a-f]+\)$/.exec(line)?.[1];
    return path === undefined ? [] : posix.resolve(options.cwd, path);
  });
  if (paths.length > MAX_LISTED)
    throw new LeaklineError("limit", `${program}: its dynamic linker lists ${paths.length} libraries`);
  return paths;
}

function runLinker(interpreter: string, program: string, { env, cwd, user }: LaunchOptions): Promise<string> {
  const limits = { timeout: LINKER_TIME, killSignal: "SIGKILL", maxBuffer: LINKER_OUTPUT } as const;
  const as = user && { uid: user.uid, gid: user.gid };
  return new Promise((resolve, reject) => {
    const child = execFile(
      interpreter,
      ["--list", program],
      { ...limits, ...as, env, cwd },
      (cause, stdout, stderr) => {
        if (!cause) return resolve(stdout);
        const words = stderr.trim().split("\n").at(-1) || (cause.killed ? "no end of its answer" : cause.message);
        reject(new LeaklineError("unsupported", `${interpreter} --list ${program}: ${words}`, { cause }));
      },
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end();
  });
}

/** @throws LeaklineError `not-found` for the first that is not there; the others are added. */
function addFiles(paths: readonly string[], files: Set<string>): void {
  let missing: LeaklineError | undefined;
  for (const path of paths) {
    try {
      files.add(realPath(path));
    } catch (error) {
      missing ??= error as LeaklineError;
    }
  }
  if (missing) throw missing;
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new LeaklineError("not-found", `${path}: cannot be found: ${(cause as Error).message}`, { cause });
  }
}
