import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryDirectory } from "../../../test/support/programs.ts";
import { insideRoot } from "./inside-root.ts";

describe("insideRoot", () => {
  const root = temporaryDirectory();
  beforeAll(() => {
    mkdirSync(join(root, "usr/lib"), { recursive: true });
    writeFileSync(join(root, "usr/lib/libx.so.1"), "");
    symlinkSync("usr/lib", join(root, "lib"));
    symlinkSync("/usr/lib/libx.so.1", join(root, "usr/lib/libx.so"));
    symlinkSync("../../../../../../etc/passwd", join(root, "usr/lib/climbs"));
    symlinkSync("b", join(root, "a"));
    symlinkSync("a", join(root, "b"));
  });

  // What a process with this root directory would see: path_resolution(7).
  test.each([
    ["/usr/lib/libx.so.1", "/usr/lib/libx.so.1"],
    ["/lib/libx.so.1", "/usr/lib/libx.so.1"],
    ["/lib/libx.so", "/usr/lib/libx.so.1"],
    ["/usr/lib/climbs", "/etc/passwd"],
    ["/../../etc/passwd", "/etc/passwd"],
    ["/lib/../x", "/usr/x"],
    ["//usr/./lib//none", "/usr/lib/none"],
    ["/", "/"],
  ])("%s is %s there", (path, place) => {
    expect(insideRoot(root, path)).toBe(root + place);
  });

  test("gives up where links lead in a circle", () => {
    expect(insideRoot(root, "/a/x")).toBeUndefined();
  });

  test("leaves a path below / to the kernel", () => {
    expect(insideRoot("", "/usr/../lib/x")).toBe("/lib/x");
  });
});
