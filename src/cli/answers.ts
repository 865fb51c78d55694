/** Answers that commands keep on disk for the next run. */

import { statSync } from "node:fs";
import { cacheFolder } from "../os/own-folder.ts";
import { codeFile } from "../os/package-file.ts";
import { IndexStore } from "../symbolize/local/index-store.ts";
import type { Arguments, OptionTable } from "./command.ts";
import { note } from "./output.ts";
import { packageVersion } from "./version.ts";

export const ANSWERS_OPTION: OptionTable = {
  "no-cache": { help: "neither use nor keep anything of earlier runs (~/.cache/leakline)" },
  verbose: { help: "say why answers could not be kept, or those of earlier runs not be used" },
};

let store: IndexStore | undefined;

/** The user's store, saved when the command ends; undefined when it is not wanted. */
export function answersFrom(given: Arguments): IndexStore | undefined {
  if (given.flag("no-cache")) return undefined;
  if (!store) {
    const opened = new IndexStore(cacheFolder(process.env, "index"), codeStamp());
    const isVerbose = given.flag("verbose");
    process.once("exit", () => {
      opened.save();
      if (isVerbose) explain(opened);
    });
    store = opened;
  }
  return store;
}

function explain({ problem, refused }: IndexStore): void {
  for (const reason of refused) note(`index not used: ${reason}`);
  if (problem !== undefined) note(`answers are not kept for the next run: ${problem}`);
}

/** The version, and when this copy of it was compiled: other code may give other answers. */
function codeStamp(): string {
  return `${packageVersion()} ${statSync(codeFile()).mtimeMs}`;
}
