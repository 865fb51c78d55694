import { describe, expect, test } from "vitest";
import { MalformedError } from "../base/errors.ts";
import { parseCgroup, parseStat, parseStatus } from "./stat.ts";

// Fields 3 to 22 of proc_pid_stat(5): state, ppid, pgrp, session, tty_nr, tpgid, flags (9), four fault counts, four
// times, priority, nice, num_threads (20), itrealvalue, starttime (22); then a few of the rest.
const REST = "S 1 2 3 0 -1 4194560 10 11 12 13 14 15 16 17 20 0 7 0 123456 8192 100";

describe("parseStat", () => {
  test.each(["cat", "a b", "a) R 1 (b", "(((", "))", "", "a\nb"])("finds the fields behind the name %j", (command) => {
    expect(parseStat(`42 (${command}) ${REST}\n`)).toEqual({
      command,
      state: "S",
      parent: 1,
      flags: 4194560,
      threads: 7,
      startTime: 123456,
    });
  });

  test.each(["", "42 cat S 1", "42 (cat", "42 (cat) S 1 2", `42 (cat) ${REST.replace("123456", "x")}`])(
    "refuses %j",
    (text) => {
      expect(() => parseStat(text)).toThrow(MalformedError);
    },
  );
});

test("parseStatus reads keys and values", () => {
  const status = parseStatus("Name:\ta: b\\012c\nUid:\t1\t2\t3\t4\nGroups:\t \nno colon\n");
  expect([...status]).toEqual([
    ["Name", "a: b\\012c"],
    ["Uid", "1\t2\t3\t4"],
    ["Groups", ""],
  ]);
});

test.each([
  ["0::/user.slice/a:b.scope\n", "/user.slice/a:b.scope"],
  ["5:cpu,memory:/jail\n3:pids:/x\n0::/\n", "/jail"],
  ["3:pids:/x\n0::/two\n", "/two"],
  ["3:pids:/x\n", undefined],
  ["", undefined],
])("parseCgroup finds the memory controller's group in %j", (text, path) => {
  expect(parseCgroup(text)).toBe(path);
});
