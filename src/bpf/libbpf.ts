/**
 * The system's libbpf, as far as leakline needs it: open an object, size its maps, load it, attach its programs to
 * functions of a process, read its maps.
 *
 * libbpf does what is hard (relocation, BTF, feature probing). Every function here throws a LeaklineError with the
 * kernel's own reason and the mend. Source: bpf/libbpf.h and bpf/bpf.h of libbpf 1.0.
 */

import { release } from "node:os";
import { LeaklineError } from "../base/errors.ts";
import { errnoName, loadNativeLibrary, type NativeLibrary, type Pointer } from "../os/native.ts";
import { KERNEL } from "../process/constants.ts";
import { isAtLeast, type KernelVersion, parseKernelVersion } from "../process/kernel-version.ts";
import {
  BPF_TRACE_UPROBE_MULTI,
  BPF_TRACE_UPROBE_SESSION,
  loadUprobeMulti,
  type UprobeKind,
  type UprobeMulti,
  type UprobePlace,
} from "./uprobe-multi.ts";

const LIBRARY = "libbpf.so.1";
const INSTALL = "install libbpf 1.0 or newer: apt-get install libbpf1 (Debian, Ubuntu), dnf install libbpf (Fedora)";
/** Room for the verifier's words when a program is refused. */
const LOG_SIZE = 1 << 20;

export type Libbpf = {
  /** As the library states it, e.g. `v1.1`. */
  readonly version: string;
  /** Many probes are attached in one call (Linux 6.10). */
  readonly attachesTogether: boolean;
  /** Entry and return of a function can be one probe (Linux 6.13). */
  readonly hasSessions: boolean;
  open(path: string): BpfObject;
};

/** What is attached; goes with the object that it belongs to, or before. */
export type BpfLink = { close(): void };

export type BpfObject = {
  /** Before load(): leaves a program out. */
  skipProgram(program: string): void;
  /** Before load(): the program is for this kind of uprobe. Not for other programs than those of uprobes. */
  setUprobeKind(program: string, kind: UprobeKind): void;
  /** Before load(): how many entries a map may have. */
  setMaxEntries(map: string, entries: number): void;
  /**
   * Hands the object to the kernel.
   *
   * @throws LeaklineError `permission`, or `unsupported` with the verifier's last words; `cause` has its whole log.
   */
  load(): void;
  map(name: string): BpfMap;
  /**
   * Attaches a program to places in a file, in their order, for one process.
   *
   * @param path the file, as *this* process can open it.
   * @throws LeaklineError `permission`, `target-gone`, or `unsupported` with the place and the kernel's reason.
   */
  attachUprobes(program: string, pid: number, path: string, places: readonly UprobePlace[], kind: UprobeKind): BpfLink;
  /**
   * Attaches a program to a raw tracepoint of the kernel.
   *
   * @throws LeaklineError `permission` or `unsupported`.
   */
  attachRawTracepoint(program: string, tracepoint: string): BpfLink;
  /** Detaches what is attached and gives everything back to the kernel. */
  close(): void;
};

export type BpfMap = {
  readonly keySize: number;
  /** Bytes of all copies of a value. */
  readonly valueSize: number;
  /** How many copies of each value there are, one behind the other: one for each possible CPU in a per-CPU map, else 1. */
  readonly copies: number;
  /** The value of `key`, or undefined. */
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** Writes one entry. @throws LeaklineError `io`. */
  update(key: Uint8Array, value: Uint8Array): void;
  /** Writes `count` entries, packed one behind the other. @throws LeaklineError `io`. */
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void;
  /** @returns whether there was such an entry. */
  remove(key: Uint8Array): boolean;
  /**
   * Every entry, in batches.
   *
   * @param visit gets `count` keys and values, packed one behind the other in views that are reused for the next batch.
   */
  forEachBatch(visit: (keys: DataView, values: DataView, count: number) => void): void;
};

export type { UprobeKind, UprobePlace };

type Functions = ReturnType<typeof bindFunctions>;

function bindFunctions(library: NativeLibrary) {
  return {
    versionString: library.bind<() => string>("const char *libbpf_version_string()"),
    majorVersion: library.bind<() => number>("uint32_t libbpf_major_version()"),
    setPrint: library.bind<(print: null) => unknown>("void *libbpf_set_print(void *print)"),
    open: library.bind<(path: string, options: null) => Pointer>(
      "void *bpf_object__open_file(const char *path, const void *options)",
    ),
    load: library.bind<(object: Pointer) => number>("int bpf_object__load(void *object)"),
    close: library.bind<(object: Pointer) => void>("void bpf_object__close(void *object)"),
    findMap: library.bind<(object: Pointer, name: string) => Pointer>(
      "void *bpf_object__find_map_by_name(void *object, const char *name)",
    ),
    setMaxEntries: library.bind<(map: Pointer, entries: number) => number>(
      "int bpf_map__set_max_entries(void *map, uint32_t entries)",
    ),
    mapFd: library.bind<(map: Pointer) => number>("int bpf_map__fd(void *map)"),
    keySize: library.bind<(map: Pointer) => number>("uint32_t bpf_map__key_size(void *map)"),
    valueSize: library.bind<(map: Pointer) => number>("uint32_t bpf_map__value_size(void *map)"),
    findProgram: library.bind<(object: Pointer, name: string) => Pointer>(
      "void *bpf_object__find_program_by_name(void *object, const char *name)",
    ),
    nextProgram: library.bind<(object: Pointer, program: Pointer) => Pointer>(
      "void *bpf_object__next_program(void *object, void *program)",
    ),
    setLog: library.bind<(program: Pointer, log: Uint8Array, size: number) => number>(
      "int bpf_program__set_log_buf(void *program, void *log, size_t size)",
    ),
    mapType: library.bind<(map: Pointer) => number>("int bpf_map__type(void *map)"),
    possibleCpus: library.bind<() => number>("int libbpf_num_possible_cpus()"),
    attachRawTracepoint: library.bind<(program: Pointer, name: string) => Pointer>(
      "void *bpf_program__attach_raw_tracepoint(void *program, const char *name)",
    ),
    programFd: library.bind<(program: Pointer) => number>("int bpf_program__fd(void *program)"),
    setAttachType: library.bind<(program: Pointer, type: number) => number>(
      "int bpf_program__set_expected_attach_type(void *program, int type)",
    ),
    attachUprobe: library.bind<
      (program: Pointer, pid: number, path: string, offset: number, options: Uint8Array) => Pointer
    >("void *bpf_program__attach_uprobe_opts(void *program, int pid, const char *path, size_t offset, void *options)"),
    destroyLink: library.bind<(link: Pointer) => number>("int bpf_link__destroy(void *link)"),
    lookup: library.bind<(fd: number, key: Uint8Array, value: Uint8Array) => number>(
      "int bpf_map_lookup_elem(int fd, const void *key, void *value)",
    ),
    setAutoload: library.bind<(program: Pointer, autoload: boolean) => number>(
      "int bpf_program__set_autoload(void *program, bool autoload)",
    ),
    update: library.bind<(fd: number, key: Uint8Array, value: Uint8Array, flags: number) => number>(
      "int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)",
    ),
    updateBatch: library.bind<
      (fd: number, keys: Uint8Array, values: Uint8Array, count: Uint32Array, options: null) => number
    >("int bpf_map_update_batch(int fd, const void *keys, const void *values, void *count, const void *options)"),
    remove: library.bind<(fd: number, key: Uint8Array) => number>("int bpf_map_delete_elem(int fd, const void *key)"),
    lookupBatch: library.bind<
      (
        fd: number,
        from: Uint8Array | null,
        to: Uint8Array,
        keys: Uint8Array,
        values: Uint8Array,
        count: Uint32Array,
        options: null,
      ) => number
    >(
      "int bpf_map_lookup_batch(int fd, void *from, void *to, void *keys, void *values, void *count, const void *options)",
    ),
    errno: library.errno,
  };
}

/**
 * @param singleProbes attach probes one by one even where the kernel can attach them together.
 * @throws LeaklineError `unsupported` when libbpf is missing or older than 1.0.
 */
export async function loadLibbpf(singleProbes = false): Promise<Libbpf> {
  const functions = bindFunctions(await loadNativeLibrary(LIBRARY, INSTALL));
  const version = functions.versionString();
  if (functions.majorVersion() < 1) {
    throw new LeaklineError("unsupported", `libbpf ${version} is too old`, { hint: INSTALL });
  }
  // Its own messages would land on stderr between ours; what they say is in our errors.
  functions.setPrint(null);
  const multi = !singleProbes && kernelHas(KERNEL.uprobeMulti) ? await loadUprobeMulti() : undefined;
  return {
    version,
    attachesTogether: multi !== undefined,
    hasSessions: multi !== undefined && kernelHas(KERNEL.uprobeSession),
    open: (path) => openObject(functions, multi, path),
  };
}

function kernelHas(since: KernelVersion): boolean {
  const version = parseKernelVersion(release());
  return version !== undefined && isAtLeast(version, since);
}

function openObject(functions: Functions, multi: UprobeMulti | undefined, path: string): BpfObject {
  let object = functions.open(path, null);
  if (!object) throw kernelError("not-found", functions.errno(), `${path} cannot be opened as an eBPF object`);
  const links = new Set<BpfLink>();

  function programPointer(name: string): Pointer {
    const program = functions.findProgram(object, name);
    if (!program) throw new LeaklineError("not-found", `${path} has no program ${name}`);
    return program;
  }

  function mapPointer(name: string): Pointer {
    const map = functions.findMap(object, name);
    if (!map) throw new LeaklineError("not-found", `${path} has no map ${name}`);
    return map;
  }

  /** The verifier writes into the log of the program that it refuses. */
  function loadWithLogs(): { result: number; errno: number; log: string } {
    // One log for all: the first program that is refused is the last that is tried.
    const log = new Uint8Array(LOG_SIZE);
    for (let program = functions.nextProgram(object, null); program; program = functions.nextProgram(object, program)) {
      functions.setLog(program, log, LOG_SIZE);
    }
    const result = functions.load(object);
    const errno = functions.errno();
    const text = new TextDecoder().decode(log.subarray(0, log.indexOf(0)));
    return { result, errno, log: text };
  }

  function addLink(close: () => void): BpfLink {
    const link = {
      close() {
        if (links.delete(link)) close();
      },
    };
    links.add(link);
    return link;
  }

  return {
    setUprobeKind(program, kind) {
      if (!multi) return;
      const type = kind === "session" ? BPF_TRACE_UPROBE_SESSION : BPF_TRACE_UPROBE_MULTI;
      functions.setAttachType(programPointer(program), type);
    },
    skipProgram(program) {
      functions.setAutoload(programPointer(program), false);
    },
    setMaxEntries(map, entries) {
      if (functions.setMaxEntries(mapPointer(map), entries) < 0) {
        throw new LeaklineError("usage", `map ${map} cannot have ${entries} entries`);
      }
    },
    load() {
      const { result, errno, log } = loadWithLogs();
      if (result >= 0) return;
      const lastLine = log.trimEnd().split("\n").at(-1) ?? "";
      const cause = log === "" ? undefined : new Error(log);
      throw kernelError(
        "unsupported",
        errno,
        `the kernel refused the eBPF program: ${lastLine || errnoName(errno)}`,
        cause,
      );
    },
    map(name) {
      return openMap(functions, mapPointer(name), name);
    },
    attachUprobes(program, pid, file, places, kind) {
      if (places.length === 0) return { close() {} };
      const pointer = programPointer(program);
      if (multi) {
        const detach = multi.attach(functions.programFd(pointer), pid, file, places, kind);
        if (typeof detach === "number") throw attachError(detach, file, places, pid);
        return addLink(detach);
      }
      const attached: Pointer[] = [];
      const all = addLink(() => {
        for (const link of attached) functions.destroyLink(link);
      });
      for (const place of places) {
        const options = encodeUprobeOptions(place, kind === "return");
        const link = functions.attachUprobe(pointer, pid, file, place.offset, options);
        if (!link) throw attachError(functions.errno(), file, [place], pid);
        attached.push(link);
      }
      return all;
    },
    attachRawTracepoint(program, tracepoint) {
      const link = functions.attachRawTracepoint(programPointer(program), tracepoint);
      if (!link) throw kernelError("unsupported", functions.errno(), `tracepoint ${tracepoint} cannot be attached to`);
      return addLink(() => functions.destroyLink(link));
    },
    close() {
      for (const link of [...links]) link.close();
      if (object) functions.close(object);
      object = null;
    },
  };
}

/** enum bpf_map_type */
const PER_CPU_TYPES: ReadonlySet<number> = new Set([5 /* PERCPU_HASH */, 6 /* PERCPU_ARRAY */]);

function openMap(functions: Functions, map: Pointer, name: string): BpfMap {
  const fd = functions.mapFd(map);
  const keySize = functions.keySize(map);
  const copies = PER_CPU_TYPES.has(functions.mapType(map)) ? functions.possibleCpus() : 1;
  // Copies begin at multiples of 8 bytes.
  const valueSize = copies === 1 ? functions.valueSize(map) : copies * ((functions.valueSize(map) + 7) & ~7);
  /** Entries a batch; grows when a hash bucket has more. */
  let capacity = 256;

  return {
    keySize,
    valueSize,
    copies,
    lookup(key) {
      const value = new Uint8Array(valueSize);
      return functions.lookup(fd, key, value) < 0 ? undefined : value;
    },
    update(key, value) {
      if (functions.update(fd, key, value, 0) < 0) {
        throw new LeaklineError("io", `writing map ${name} failed: ${errnoName(functions.errno())}`);
      }
    },
    updateBatch(keys, values, count) {
      if (functions.updateBatch(fd, keys, values, new Uint32Array([count]), null) < 0) {
        throw new LeaklineError("io", `writing map ${name} failed: ${errnoName(functions.errno())}`);
      }
    },
    remove(key) {
      return functions.remove(fd, key) === 0;
    },
    forEachBatch(visit) {
      let keys = new Uint8Array(capacity * keySize);
      let values = new Uint8Array(capacity * valueSize);
      // The kernel's position token: a bucket number for hashes, a key for arrays.
      const token = new Uint8Array(Math.max(keySize, 8));
      const count = new Uint32Array(1);
      let started = false;
      for (;;) {
        count[0] = capacity;
        const result = functions.lookupBatch(fd, started ? token : null, token, keys, values, count, null);
        const reason = result < 0 ? errnoName(functions.errno()) : "";
        if (reason === "ENOSPC") {
          capacity *= 2;
          keys = new Uint8Array(capacity * keySize);
          values = new Uint8Array(capacity * valueSize);
          continue;
        }
        if (reason !== "" && reason !== "ENOENT")
          throw new LeaklineError("io", `reading map ${name} failed: ${reason}`);
        if (count[0] > 0) visit(new DataView(keys.buffer), new DataView(values.buffer), count[0]);
        if (reason === "ENOENT") return;
        started = true;
      }
    },
  };
}

/** struct bpf_uprobe_opts: size, ref_ctr_offset, bpf_cookie (8 bytes each), retprobe (1), func_name (8 at 32). */
function encodeUprobeOptions(place: UprobePlace, atReturn: boolean): Uint8Array {
  const options = new Uint8Array(40);
  const view = new DataView(options.buffer);
  view.setBigUint64(0, BigInt(options.length), true);
  view.setBigUint64(16, place.cookie, true);
  view.setUint8(24, atReturn ? 1 : 0);
  return options;
}

function attachError(errno: number, file: string, places: readonly UprobePlace[], pid: number): LeaklineError {
  const offsets = places.map(({ offset }) => `0x${offset.toString(16)}`).join(", ");
  const what = `no probe could be set at ${file}+${offsets} of process ${pid}`;
  if (errnoName(errno) === "EINVAL") {
    // uprobe_register of kernel/events/uprobes.c: all who probe a place must agree on its reference counter.
    const hint =
      "another tracer may hold the place in a way that allows no second one, as bcc's memleak does: end it first";
    return new LeaklineError("unsupported", `${what}: EINVAL`, { hint });
  }
  return kernelError("unsupported", errno, what);
}

/** An error with the kernel's reason; EPERM and EACCES become `permission`, EMFILE `limit`, ESRCH `target-gone`. */
function kernelError(code: "not-found" | "unsupported", errno: number, what: string, cause?: Error): LeaklineError {
  const name = errnoName(errno);
  const message = what.includes(name) ? what : `${what}: ${name}`;
  if (name === "EPERM" || name === "EACCES") {
    return new LeaklineError("permission", message, {
      cause,
      hint: "run as root (sudo); leakline doctor says what is missing",
    });
  }
  if (name === "EMFILE") {
    const hint = "raise the limit of open files: ulimit -n 1024";
    return new LeaklineError("limit", "too many open files for an eBPF program, its maps and its probes", {
      cause,
      hint,
    });
  }
  if (name === "ESRCH") return new LeaklineError("target-gone", message, { cause, hint: "the process has exited" });
  return new LeaklineError(code, message, { cause, hint: "leakline doctor says what this machine lacks" });
}
