import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/oracle.ts";
import { imagePaths, moduleDirectories, moduleFinder } from "./kernel-files.ts";

function touch(...parts: string[]): string {
  const path = join(...parts);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  return path;
}

test("vmlinux is sought where Debian, Fedora and a build on this machine put it, and by build ID", () => {
  const paths = imagePaths("6.1.0-50-amd64", "abcdef012345", ["/srv/debug", "/usr/lib/debug"]);
  expect(paths).toEqual(
    expect.arrayContaining([
      "/srv/debug/.build-id/ab/cdef012345.debug",
      "/usr/lib/debug/.build-id/ab/cdef012345.debug",
      "/usr/lib/debug/boot/vmlinux-6.1.0-50-amd64",
      "/usr/lib/debug/lib/modules/6.1.0-50-amd64/vmlinux",
      "/lib/modules/6.1.0-50-amd64/build/vmlinux",
      "/boot/vmlinux-6.1.0-50-amd64",
    ]),
  );
  expect(imagePaths("6.1", undefined, ["/usr/lib/debug"]).join()).not.toContain("build-id");
});

test("modules are found by the name that the kernel gives them, those with debug information first", () => {
  const root = temporaryDirectory();
  const [debug, modules] = moduleDirectories("6.1", [join(root, "debug")]);
  expect([debug, modules]).toEqual([join(root, "debug/lib/modules/6.1"), "/lib/modules/6.1"]);
  const installed = join(root, "lib/modules/6.1");
  const withDebug = touch(debug, "kernel/net/nf-demo.ko.debug");
  const compressed = touch(installed, "kernel/net/nf-demo.ko.zst");
  const other = touch(installed, "kernel/net/nf_demo_ipv6.ko.xz");
  const last = touch(installed, "extra/last.ko.gz");
  touch(installed, "kernel/net/nf-demo.ko.txt");
  touch(installed, "kernel/net/nf-demo");
  symlinkSync("..", join(installed, "kernel/round"));
  const find = moduleFinder([debug, installed, "/no/such/folder"]);
  expect(find("nf_demo")).toEqual([withDebug, compressed]);
  expect(find("nf_demo_ipv6")).toEqual([other]);
  expect(find("last")).toEqual([last]);
  expect(find("absent")).toEqual([]);
});

test("modules.dep says what is there: a file that it does not list is not used", () => {
  const installed = temporaryDirectory();
  const listed = touch(installed, "updates/nf_demo.ko.xz");
  touch(installed, "kernel/net/nf_demo.ko.xz");
  writeFileSync(
    join(installed, "modules.dep"),
    "updates/nf_demo.ko.xz: kernel/net/nf_base.ko.xz\nkernel/net/nf_base.ko.xz:\n/opt/away.ko:\n\nno module\n",
  );
  const find = moduleFinder([installed]);
  expect(find("nf_demo")).toEqual([listed]);
  expect(find("nf_base")).toEqual([join(installed, "kernel/net/nf_base.ko.xz")]);
  expect(find("away")).toEqual(["/opt/away.ko"]);
});
