import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fixture } from "../../test/support/elf-files.ts";
import { needTools, run } from "../../test/support/oracle.ts";
import { type ByteSource, memorySource } from "../base/bytes.ts";
import { LeaklineError } from "../base/errors.ts";
import type { FileProvider } from "./file-provider.ts";
import { openByBuildId, openModule, tryOpenModule } from "./open-module.ts";

const ELF = readFileSync(fixture("shapes-i686"));
const OTHER = readFileSync(fixture("shapes-i686-exec"));

function buildIdOf(name: string): string {
  return /Build ID: ([0-9a-f]+)/.exec(run("readelf", "-n", fixture(name)))![1];
}

/** Candidates in this order; each source notes when it is closed. */
function provider(...candidates: (() => ByteSource | undefined)[]): FileProvider {
  return { candidates: () => candidates, debugDirectories: [], decompress: () => new Uint8Array() };
}

const denied = (): never => {
  throw new LeaklineError("permission", "/proc/1/map_files/…: permission denied", { hint: "run as root (sudo)" });
};
const closed: string[] = [];
const source = (name: string, bytes: Uint8Array) => (): ByteSource => ({
  ...memorySource(name, bytes),
  close: () => void closed.push(name),
});

test("hole 8: a refused, a missing, a replaced and a damaged file are passed over for the one that is meant", (context) => {
  needTools(context, "readelf");
  const buildId = buildIdOf("shapes-i686");
  expect(buildId).not.toBe(buildIdOf("shapes-i686-exec"));
  closed.length = 0;
  const files = provider(
    denied,
    () => undefined,
    source("replaced", OTHER),
    source("garbage", Buffer.from("garbage")),
    source("right", ELF),
    source("never asked", ELF),
  );
  const elf = openModule(files, { path: "/lib.so" }, buildId);
  expect(elf).toMatchObject({ name: "right", buildId });
  // What was refused is closed at once.
  expect(closed).toEqual(["replaced", "garbage"]);
});

test("a replaced file alone is refused, and the reason names both build IDs", (context) => {
  needTools(context, "readelf");
  const [right, wrong] = ["shapes-i686", "shapes-i686-exec"].map(buildIdOf);
  const files = provider(source("/lib.so", OTHER));
  const problems: string[] = [];
  expect(tryOpenModule(files, { path: "/lib.so" }, right, (text) => problems.push(text))).toBeUndefined();
  expect(problems).toEqual([expect.stringContaining(`/lib.so has build ID ${wrong}, not ${right}`)]);
});

test("the first refusal is the reason; where nothing was found, that is", () => {
  expect(() => openModule(provider(denied, source("x", Buffer.from("x"))), { path: "/x" }, undefined)).toThrow(
    /denied/,
  );
  const error = (() => {
    try {
      return openModule(
        provider(() => undefined),
        { path: "/x" },
        undefined,
      );
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toMatchObject({ code: "not-found", message: "/x: no such file here" });
});

test("an error that is not ours is a bug, and is not hidden", () => {
  const files = provider(() => {
    throw new TypeError("bug");
  });
  expect(() => tryOpenModule(files, { path: "/x" }, undefined, () => {})).toThrow(TypeError);
});

test("a store by build ID is believed no more than a path", (context) => {
  needTools(context, "readelf");
  const [right, wrong] = ["shapes-i686", "shapes-i686-exec"].map(buildIdOf);
  const files: FileProvider = { ...provider(), byBuildId: () => memorySource("stored", ELF) };
  expect(openByBuildId(files, right, "executable", () => {})?.buildId).toBe(right);
  const problems: string[] = [];
  expect(openByBuildId(files, wrong, "executable", (text) => problems.push(text))).toBeUndefined();
  expect(problems.length).toBe(1);
});
