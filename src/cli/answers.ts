/** Answers that commands keep on disk for the next run. */

import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AnswerStore, answerFolder } from "../symbolize/local/answer-store.ts";
import type { Arguments, OptionTable } from "./command.ts";
import { packageVersion } from "./version.ts";

export const ANSWERS_OPTION: OptionTable = {
  "no-cache": { help: "neither use nor keep answers of earlier runs (~/.cache/leakline)" },
};

let store: AnswerStore | undefined;

/** The user's store, saved when the command ends; undefined when it is not wanted, or there is no place for it. */
export function answersFrom(given: Arguments): AnswerStore | undefined {
  const folder = given.flag("no-cache") ? undefined : answerFolder(process.env);
  if (folder === undefined) return undefined;
  if (!store) {
    const opened = new AnswerStore(folder, codeStamp());
    process.once("exit", () => opened.save());
    store = opened;
  }
  return store;
}

/** The version, and when this copy of it was compiled: other code may give other answers. */
function codeStamp(): string {
  return `${packageVersion()} ${statSync(fileURLToPath(import.meta.url)).mtimeMs}`;
}
