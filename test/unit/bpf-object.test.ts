/** The committed eBPF objects are what the source compiles to. */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hasTool } from "../support/programs.ts";

test.skipIf(!hasTool("clang-14"))("bpf/*.bpf.o are what bpf/*.bpf.c compile to", () => {
  const script = fileURLToPath(new URL("../../bpf/build.sh", import.meta.url));
  expect(execFileSync("sh", [script, "--check"], { encoding: "utf8" })).toContain("are what the source compiles to");
});
