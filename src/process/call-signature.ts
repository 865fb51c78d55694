/**
 * What a function of an allocator does with its arguments: all that the eBPF program needs to know of it.
 *
 * There are some hundred functions, but few kinds: `mi_heap_calloc(heap, count, size)` differs from `calloc` only in
 * where its arguments are. So a function is described, not numbered, and a user can describe their own.
 */

/** Arguments are numbered from 1; 0: there is none with this meaning. Only the six in registers can be named. */
export type CallSignature = {
  /**
   * - allocate: returns the block or NULL, or stores it (`out`).
   * - resize: changes the block `old` where it is, and returns the size that it then has.
   * - free: takes the block `old` back.
   * - map, unmap: the same for pages (mmap, mremap, munmap). mmap returns MAP_FAILED, not NULL.
   */
  readonly operation: "allocate" | "resize" | "free" | "map" | "unmap";
  /** Argument with the size in bytes. */
  readonly size: number;
  /** Argument that the size is multiplied by (calloc). */
  readonly count: number;
  /** Argument with an existing block: the one that is replaced (realloc), or released. */
  readonly old: number;
  /** Argument that points to where the block is stored; the function then returns 0 for success (posix_memalign). */
  readonly out: number;
  /** Size in bytes of what is allocated (of each, with `count`) when no argument has it: pools of equal objects. Else 0. */
  readonly bytes: number;
};

/** The arguments that can be named: those in registers (System V ABI for x86-64 §3.2.3; arm64 has eight). */
export const MAX_ARGUMENT = 6;

type Roles = Partial<Omit<CallSignature, "operation">>;

function signature(operation: CallSignature["operation"], roles: Roles): CallSignature {
  return { operation, size: 0, count: 0, old: 0, out: 0, bytes: 0, ...roles };
}

/** Returns the block, or stores it: `{ size: 1 }` is malloc. */
export function allocates(roles: Roles): CallSignature {
  return signature("allocate", roles);
}

export function resizes(old: number, size: number): CallSignature {
  return signature("resize", { old, size });
}

export function frees(old: number): CallSignature {
  return signature("free", { old });
}

export function maps(roles: Roles): CallSignature {
  return signature("map", roles);
}

export function unmaps(old: number, size: number): CallSignature {
  return signature("unmap", { old, size });
}
