import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/oracle.ts";
import { kernelBuildId, loadedKernelModule } from "./kernel.ts";

/** The note as include/uapi/linux/elf.h has it: sizes of name and contents, type 3, "GNU", then the ID. Little-endian. */
const BUILD_ID_NOTE = "040000001400000003000000474e5500";

test("the kernel's build ID is in its notes", (context) => {
  if (!existsSync("/sys/kernel/notes")) return context.skip("no /sys/kernel/notes here");
  const notes = readFileSync("/sys/kernel/notes").toString("hex");
  expect(kernelBuildId()).toMatch(/^[0-9a-f]{40}$/);
  expect(notes).toContain(BUILD_ID_NOTE + kernelBuildId());
});

test("a module's sections, build ID and srcversion are those that sysfs lists", () => {
  const directory = temporaryDirectory();
  const folder = join(directory, "nf_demo");
  mkdirSync(join(folder, "sections"), { recursive: true });
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "sections", ".text"), "0xffffffffc0100000\n");
  writeFileSync(join(folder, "sections", ".text.unlikely"), "0xffffffffc0102000\n");
  writeFileSync(join(folder, "sections", ".data"), "0x0000000000000000\n");
  writeFileSync(join(folder, "srcversion"), "533BB7E5866E52F63B9ACCB\n");
  const id = "0123456789abcdef0123456789abcdef01234567";
  writeFileSync(join(folder, "notes", ".note.gnu.build-id"), Buffer.from(BUILD_ID_NOTE + id, "hex"));
  expect(loadedKernelModule("nf_demo", directory)).toEqual({
    name: "nf_demo",
    // 2^64 - 0xffffffffc0100000 = 0x3ff00000. The kernel hides the address of .data.
    sections: new Map([
      [".text", -0x3ff00000],
      [".text.unlikely", -0x3fefe000],
    ]),
    buildId: id,
    srcversion: "533BB7E5866E52F63B9ACCB",
  });
});

test("what is built in, generated, absent, or no name of a module, is no module", () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "tcp_cubic", "parameters"), { recursive: true });
  for (const name of ["tcp_cubic", "bpf", "__builtin__ftrace", "..", "../../etc", ""])
    expect(loadedKernelModule(name, directory), name).toBeUndefined();
});
