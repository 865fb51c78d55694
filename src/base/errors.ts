/**
 * Every error that leakline raises on purpose.
 *
 * One class with a stable `code`, so that callers switch on the code and never on the text; `hint` says how to mend
 * it. Whatever is *not* a LeaklineError reaching the top is a bug in leakline, and the CLI says so.
 */

/** Stable codes. The CLI maps them to exit codes in `cli/exit-codes.ts`. */
export type ErrorCode =
  /** The command line is wrong. */
  | "usage"
  /** A file, process or symbol that was asked for is not there. */
  | "not-found"
  /** The operating system refused: privilege, namespace, lockdown. */
  | "permission"
  /** The machine, kernel or library lacks something. */
  | "unsupported"
  /** The traced process is gone. */
  | "target-gone"
  /** Tracing this process could hurt it, so leakline does not. */
  | "refused"
  /** A file's bytes contradict its format. */
  | "malformed"
  /** A file is not the one that was meant (build ID, inode). */
  | "mismatch"
  /** A stated limit was exceeded. */
  | "limit"
  /** Reading or writing failed. */
  | "io";

export type ErrorOptions = {
  /** What the reader can do about it: one sentence, without a full stop when it is a command. */
  hint?: string | undefined;
  cause?: unknown;
};

export class LeaklineError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "LeaklineError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** A file whose bytes contradict its format: says which file, which part of it, and where. */
export class MalformedError extends LeaklineError {
  /** File name as given to the reader. */
  readonly file: string;
  /** Section or structure, e.g. `.debug_line` or `program headers`. */
  readonly part: string;
  /** Byte offset inside `part`. */
  readonly offset: number;

  constructor(file: string, part: string, offset: number, what: string, options: ErrorOptions = {}) {
    super("malformed", `${file}: ${part}+0x${offset.toString(16)}: ${what}`, options);
    this.name = "MalformedError";
    this.file = file;
    this.part = part;
    this.offset = offset;
  }
}

/** The error as one line, with its hint when it has one. */
export function describeError(error: unknown): string {
  if (error instanceof LeaklineError) return error.hint ? `${error.message} (${error.hint})` : error.message;
  // Node itself may be what could not open a file: it loads our modules when they are wanted.
  if ((error as { code?: unknown } | undefined)?.code === "EMFILE")
    return `${(error as Error).message} (raise the limit of open files: ulimit -n 1024)`;
  return error instanceof Error ? error.message : String(error);
}
