import { expect, test } from "vitest";
import { Answers } from "./answers.ts";

test("remembers what was asked for lately, and never more than its capacity", () => {
  const answers = new Answers<number, string>(10);
  for (let key = 0; key < 1000; key++) {
    answers.set(key, `answer ${key}`);
    expect(answers.get(0)).toBe("answer 0");
  }
  const known = Array.from({ length: 1000 }, (_, key) => answers.get(key)).filter((answer) => answer !== undefined);
  expect(known).toContain("answer 999");
  expect(known.length).toBeLessThanOrEqual(10);
  answers.clear();
  expect(answers.get(999)).toBeUndefined();
});
