/** What the page and its worker say to each other. */

import type { ModuleFrame } from "../../src/symbolize/core.ts";

export type Question = {
  /** A program or library and its debug files, in any order. */
  files: readonly File[];
  addresses: readonly number[];
  isReturnAddress: boolean;
};

export type Answer =
  | {
      kind: "frames";
      /** Which of the files the addresses were looked up in. */
      module: string;
      /** One for each address: innermost first. */
      frames: ModuleFrame[][];
      /** What was damaged or missing. */
      problems: string[];
      bytesRead: number;
    }
  | { kind: "error"; message: string };
