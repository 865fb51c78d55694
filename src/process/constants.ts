/**
 * Numbers of the Linux interfaces that this folder reads, each with the header or manual page that defines it.
 */

/** `PF_KTHREAD`, include/linux/sched.h; the flags are field 9 of /proc/PID/stat (proc_pid_stat(5)). */
export const PF_KTHREAD = 0x0020_0000;

/** Capability bit numbers, include/uapi/linux/capability.h. */
export const CAPABILITY = {
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_RESOURCE: 24,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

/** Longest text read from a file in /proc that holds one record. */
export const MAX_PROC_FILE = 1 << 20;

/** Longest /proc/PID/maps read: about 600,000 mappings, ten times what vm.max_map_count allows by default. */
export const MAX_MAPS_FILE = 64 << 20;

/** Most processes chosen at a time: each costs tables in the kernel. */
export const MAX_TARGETS = 4096;

/** Most control groups that are looked through below one; a large host has some thousands. */
export const MAX_CGROUPS = 1 << 16;

/** Longest /etc/passwd or /etc/group read: some hundred thousand users. */
export const MAX_USER_FILE = 16 << 20;

/** Longest /proc/kallsyms read; a kernel has 8 MB, one with all its data symbols 30 MB. */
export const MAX_KALLSYMS_FILE = 256 << 20;

/** Most bytes of a process's memory read at once. */
export const MAX_MEMORY_READ = 16 << 20;

/** How much of a file is compared with the process's memory to tell that both are the same: one page on x86-64. */
export const IDENTITY_BYTES = 4096;

/** `PT_INTERP` (gABI 5, "Program Header"): the dynamic linker's path. A static program has none. */
export const PT_INTERP = 3;

/** gABI 4, "Symbol Table": binding and type; the last is GNU's. */
/** `PATH_MAX`, include/uapi/linux/limits.h: the kernel refuses a longer PT_INTERP (fs/binfmt_elf.c). */
export const MAX_INTERPRETER_PATH = 4096;

/** Bytes of a script that the kernel looks at for its interpreter (`BINPRM_BUF_SIZE`, include/uapi/linux/binfmts.h). */
export const SCRIPT_LINE = 256;

/** gABI 4, "Symbol Table": binding and type. */
export const STB_LOCAL = 0;
export const STT_NOTYPE = 0;
export const STT_FUNC = 2;
export const STT_GNU_IFUNC = 10;

/** gABI 5, "Program Header": a segment that is loaded, and that it may be executed. */
export const PT_LOAD = 1;
export const PF_X = 1;

/** Most allocator functions taken from one file; real ones define at most a hundred. */
export const MAX_ALLOCATOR_FUNCTIONS = 1000;

/** Longest string table searched for glibc's version; glibc's has 30 kB. */
export const MAX_VERSION_STRINGS = 1 << 20;

/** The namespaces that the kernel starts with have fixed numbers, include/linux/proc_ns.h. */
export const INITIAL_PID_NAMESPACE = "pid:[4026531836]";
export const INITIAL_USER_NAMESPACE = "user:[4026531837]";

/** [major, minor] of the first kernel with each feature, from the kernel's change logs. */
export const KERNEL = {
  /** `bpf_get_attach_cookie`: one program serves many probes. Without it leakline does not work. */
  attachCookie: [5, 15],
  /** `bpf_loop`: stacks can be walked by unwind tables. */
  loop: [5, 17],
  /** Attaches all probes in one call. It exists since 6.6, but missed all threads but one until 6.10. */
  uprobeMulti: [6, 10],
  /** Entry and return in one probe; the entry says whether the return is of interest. */
  uprobeSession: [6, 13],
  /** Return probes become a system call and cheaper... */
  fastReturnProbe: [6, 11],
  /** ...which seccomp filters no longer see, and so no longer kill, from here on. */
  returnProbePassesSeccomp: [6, 14],
  /** Probes on nop5 no longer trap. */
  optimisedProbe: [6, 18],
} as const;
