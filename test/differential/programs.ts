/**
 * Programs compiled for the comparison, so that compilers, levels and forms of DWARF are met that no distribution's
 * package has: `programs/` in every way listed here.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

export type Build = {
  /** `COMPILER FLAGS`: what the table shows. */
  name: string;
  compiler: string;
  language: "c" | "c++" | "rust";
  flags: readonly string[];
};

const LANGUAGES = {
  c: { standard: "-std=gnu11", sources: ["main.c", "library.c"] },
  "c++": { standard: "-std=c++17", sources: ["containers.cc", "shapes.cc"] },
  rust: { standard: "--edition=2021", sources: ["program.rs"] },
} as const;

/** Each compiler at each level, and each form of debug information at one. The first of a line is its language. */
export const BUILDS: readonly Build[] = [
  ...["gcc", "clang-14", "clang-19"].flatMap((compiler) => [
    build(compiler, "c", "-O0 -gdwarf-5"),
    build(compiler, "c", "-O1 -gdwarf-4"),
    build(compiler, "c", "-O2 -gdwarf-5"),
    build(compiler, "c", "-O3 -gdwarf-5 -flto"),
  ]),
  ...["g++", "clang++-14", "clang++-19"].flatMap((compiler) => [
    build(compiler, "c++", "-O0 -gdwarf-5"),
    build(compiler, "c++", "-O1 -gdwarf-4 -fdebug-types-section"),
    build(compiler, "c++", "-O2 -gdwarf-5"),
    build(compiler, "c++", "-O2 -gdwarf-4 -ffunction-sections -Wl,--gc-sections"),
    build(compiler, "c++", "-O3 -gdwarf-5 -gz"),
    build(compiler, "c++", "-O2 -gdwarf-5 -gsplit-dwarf"),
    build(compiler, "c++", "-O2 -gdwarf-4 -gsplit-dwarf"),
  ]),
  build("g++", "c++", "-O2 -gdwarf-5 -flto"),
  build("clang++-14", "c++", "-O2 -gdwarf-5 -flto -fuse-ld=lld"),
  build("clang++-14", "c++", "-O2 -gdwarf-5 -ffunction-sections -fuse-ld=lld -Wl,--icf=all -Wl,--gc-sections"),
  build("g++", "c++", "-O2 -g1"),
  build("clang++-19", "c++", "-O2 -gline-tables-only"),
  ...["0", "1", "2", "3"].map((level) => build("rustc", "rust", `-g -Copt-level=${level}`)),
  build("rustc", "rust", "-g -Copt-level=3 -Clto=fat -Ccodegen-units=1"),
  build("rustc", "rust", "-g -Copt-level=2 -Cdwarf-version=5 -Csymbol-mangling-version=v0"),
];

function build(compiler: string, language: Build["language"], flags: string): Build {
  return { name: `${compiler} ${flags}`, compiler, language, flags: flags.split(" ") };
}

/**
 * Compiles into `folder`, unless that was done before; the program's path, undefined when the compiler is missing. The
 * sources are looked for in the current directory, which is the project's.
 */
export function compileProgram(folder: string, { name, compiler, language, flags }: Build): string | undefined {
  const directory = join(folder, name.replaceAll(/[^\w.+-]+/g, "_"));
  const program = join(directory, "program");
  if (existsSync(program)) return program;
  mkdirSync(directory, { recursive: true });
  const { standard, sources } = LANGUAGES[language];
  const paths = sources.map((file) => resolve("test/differential/programs", file));
  try {
    execFileSync(compiler, [standard, ...flags, "-o", program, ...paths], {
      cwd: directory,
      stdio: ["ignore", "ignore", "inherit"],
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return program;
}
