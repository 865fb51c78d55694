/** Users by name and number, beside id and getent. */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../../test/support/oracle.ts";
import { resolveUser } from "./user.ts";

const id = (option: string, user: string): number => Number(execFileSync("id", [option, user], { encoding: "utf8" }));

test.each(["root", "nobody", "daemon", "bin"])("%s is who id says", (name) => {
  const user = { uid: id("-u", name), gid: id("-g", name) };
  expect(resolveUser(name)).toEqual(user);
  expect(resolveUser(`${user.uid}`)).toEqual(user);
});

test("a group is taken by name or number, and then need not be the user's", () => {
  const gid = Number(execFileSync("getent", ["group", "adm"], { encoding: "utf8" }).split(":")[2]);
  expect(resolveUser("daemon:adm")).toEqual({ uid: id("-u", "daemon"), gid });
  expect(resolveUser("12345:54321")).toEqual({ uid: 12345, gid: 54321 });
});

test.each([
  ["no-such-user-here", "usage"],
  ["root:no-such-group-here", "usage"],
  ["", "usage"],
  [":", "usage"],
  [":0", "usage"],
  ["0:", "usage"],
  ["0:0:0", "usage"],
  ["-1", "usage"],
  ["1.5", "usage"],
  ["4294967295", "usage"], // (uid_t) -1
  ["4294967294", "not-found"], // a number, but of no user: never guess that its group is root's
])("%j is refused: %s", (text, code) => {
  expect(() => resolveUser(text)).toThrow(expect.objectContaining({ code }));
});

test("damaged rows are passed over, and a machine without these files has numbers", () => {
  const directory = temporaryDirectory();
  const passwd = join(directory, "passwd");
  writeFileSync(passwd, "\n:::\nx\nbad:x:one:two::/:/bin/sh\nhalf:x:7\ngood:x:7:8::/:/bin/sh\n");
  expect(resolveUser("good", passwd, "/none")).toEqual({ uid: 7, gid: 8 });
  for (const name of ["x", "bad"])
    expect(() => resolveUser(name, passwd)).toThrow(expect.objectContaining({ code: "usage" }));
  expect(() => resolveUser("half", passwd)).toThrow(expect.objectContaining({ code: "not-found" }));
  expect(resolveUser("5:6", "/none", "/none")).toEqual({ uid: 5, gid: 6 });
});
