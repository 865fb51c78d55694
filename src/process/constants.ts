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

/** Most bytes of a process's memory read at once. */
export const MAX_MEMORY_READ = 16 << 20;

/** How much of a file is compared with the process's memory to tell that both are the same: one page on x86-64. */
export const IDENTITY_BYTES = 4096;
