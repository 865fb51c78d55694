/**
 * The running kernel and its modules, as far as naming its code needs: what they are (build IDs), and where they lie.
 *
 * Sources: /proc/kallsyms, /sys/kernel/notes, and of each module /sys/module/NAME: `sections/*`, one file with the
 * address of each section (kernel/module/sysfs.c), `notes/.note.gnu.build-id`, and `srcversion`.
 */

import { endianness } from "node:os";
import { parseHexAddress, toSignedNumber } from "../base/address.ts";
import { memorySource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import { buildIdOfNotes } from "../elf/index.ts";
import { MAX_KALLSYMS_FILE } from "./constants.ts";
import { type Kallsyms, parseKallsyms } from "./kallsyms.ts";
import { readSystemBytes, tryReadDirectory, tryReadSystemFile } from "./proc-file.ts";

/** A module that is loaded. */
export type LoadedKernelModule = {
  /** With underscores, as the kernel writes it. */
  name: string;
  /** From its section's name, e.g. `.text`, to where that is; empty when the kernel hides it. Signed numbers. */
  sections: ReadonlyMap<string, number>;
  /** Lower-case hexadecimal. */
  buildId: string | undefined;
  /** A hash of its sources, which some modules state (MODULE_INFO). */
  srcversion: string | undefined;
};

/**
 * Reads a kernel symbol table.
 *
 * @param path /proc/kallsyms, or a copy.
 * @throws LeaklineError `not-found`, `permission` (also when the addresses in it are hidden), `malformed`, `limit`, `io`.
 */
export function readKallsyms(path = "/proc/kallsyms"): Kallsyms {
  let bytes: Uint8Array;
  try {
    bytes = readSystemBytes(path, MAX_KALLSYMS_FILE);
  } catch (cause) {
    if (cause instanceof LeaklineError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      const hint = path.startsWith("/proc/") ? "the kernel was built without CONFIG_KALLSYMS" : "check the path";
      throw new LeaklineError("not-found", `${path}: no such file`, { cause, hint });
    }
    if (code === "EACCES" || code === "EPERM")
      throw new LeaklineError("permission", `${path}: permission denied`, { cause, hint: "run as root (sudo)" });
    throw new LeaklineError("io", `${path}: cannot be read: ${message}`, { cause });
  }
  return parseKallsyms(path, bytes);
}

/** The running kernel's build ID; undefined when it does not tell. */
export function kernelBuildId(): string | undefined {
  return readNotes("/sys/kernel/notes");
}

/**
 * What the running kernel tells of a module; undefined when it has none of that name.
 *
 * @param directory where sysfs lists modules.
 */
export function loadedKernelModule(name: string, directory = "/sys/module"): LoadedKernelModule | undefined {
  // Built-in code has a folder there too, without sections; `bpf` and others in kallsyms have none.
  const folder = `${directory}/${name}`;
  if (!/^\w+$/.test(name) || !tryReadDirectory(folder).includes("sections")) return undefined;
  const sections = new Map<string, number>();
  for (const section of tryReadDirectory(`${folder}/sections`)) {
    const address = parseHexAddress(tryReadSystemFile(`${folder}/sections/${section}`) ?? "");
    if (address) sections.set(section, toSignedNumber(address));
  }
  return {
    name,
    sections,
    buildId: readNotes(`${folder}/notes/.note.gnu.build-id`),
    srcversion: tryReadSystemFile(`${folder}/srcversion`),
  };
}

function readNotes(path: string): string | undefined {
  try {
    return buildIdOfNotes(memorySource(path, readSystemBytes(path)), endianness() === "LE");
  } catch {
    return undefined;
  }
}
