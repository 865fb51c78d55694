/**
 * One binary compared, and its differences sorted into classes.
 */

import { decompress } from "../../src/compress/index.ts";
import { openElf } from "../../src/elf/index.ts";
import { openFile } from "../../src/os/file-bytes.ts";
import { openLocalModule } from "../../src/symbolize/local/local-module.ts";
import type { Binary } from "./binaries.ts";
import { classifier, type DifferenceClass } from "./classes.ts";
import { type Comparison, compareBinary, type Difference } from "./compare.ts";

export type Judgement = { result: Comparison; byClass: Map<DifferenceClass, Difference[]> };

export function judge({ path, debugPath }: Binary, count: number, seed: number): Judgement {
  const module = openLocalModule(path, []);
  const debug = openElf(openFile(debugPath), { decompress });
  const result = compareBinary(module, debug, count, seed);
  const classify = classifier(debug);
  const byClass = new Map<DifferenceClass, Difference[]>();
  for (const difference of result.differences) {
    const name = classify(difference);
    byClass.set(name, [...(byClass.get(name) ?? []), difference]);
  }
  module.close();
  debug.source.close?.();
  return { result, byClass };
}
