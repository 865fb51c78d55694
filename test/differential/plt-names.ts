/**
 * What `objdump -d` calls the stubs of the procedure linkage table. Of the peers none names them: GNU and elfutils say
 * nothing, llvm-symbolizer the last function before them.
 */

import { spawnSync } from "node:child_process";
import type { PlainFrame } from "./answer.ts";

/** @returns the frame at an address of a PLT stub, undefined elsewhere. */
export function readPltNames(file: string): (address: number) => PlainFrame | undefined {
  const sections = [".plt", ".plt.got", ".plt.sec"].flatMap((name) => ["-j", name]);
  const { stdout } = spawnSync("objdump", ["-d", ...sections, file], { encoding: "utf8", maxBuffer: 2 ** 30 });
  const stubs: { start: number; end: number; name: string }[] = [];
  let current: { start: number; end: number; name: string } | undefined;
  for (const line of stdout.split("\n")) {
    const label = /^([0-9a-f]+) <(.*)>:$/.exec(line);
    const instruction = /^ *([0-9a-f]+):\t((?:[0-9a-f]{2} )+)/.exec(line);
    if (label) {
      const start = Number.parseInt(label[1], 16);
      // `puts@plt-0x10` is the piece before the stubs, which they all jump to.
      current = label[2].endsWith("@plt") ? { start, end: start, name: label[2] } : undefined;
      if (current) stubs.push(current);
    } else if (instruction && current) {
      current.end = Number.parseInt(instruction[1], 16) + instruction[2].length / 3;
    }
  }
  return (address) => {
    const stub = stubs.find(({ start, end }) => start <= address && address < end);
    return stub && { name: stub.name, file: "", line: 0 };
  };
}
