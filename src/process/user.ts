/**
 * The user that a command is to run as, from the text that names one: `www-data`, `33`, `33:33`, `www-data:adm`.
 *
 * Names are looked up in /etc/passwd and /etc/group (passwd(5), group(5)). Users of a directory service are not in them
 * and are given by numbers, which `id NAME` prints.
 */

import { LeaklineError } from "../base/errors.ts";
import { MAX_USER_FILE } from "./constants.ts";
import { readSystemFile } from "./proc-file.ts";

export type UserIds = { readonly uid: number; readonly gid: number };

/** (uid_t) -1 means "do not change" to setresuid(2), so it is nobody's number. */
const MAX_ID = 2 ** 32 - 2;

/**
 * @param text NAME or UID, and behind a colon the group's name or GID; without it, the user's own group.
 * @throws LeaklineError `usage` when it is no user; `not-found` when the group that belongs to it is not known.
 */
export function resolveUser(text: string, passwdFile = "/etc/passwd", groupFile = "/etc/group"): UserIds {
  const [user, group, ...rest] = text.split(":");
  if (user === "" || group === "" || rest.length > 0)
    throw new LeaklineError("usage", `${text}: not a user`, { hint: "NAME, UID, NAME:GROUP or UID:GID" });
  const uid = idOf(user);
  // Field 3 is the user's number, field 4 its group's.
  const row = rowsOf(passwdFile).find((fields) => (uid === undefined ? fields[0] === user : idOf(fields[2]) === uid));
  const found = uid ?? idOf(row?.[2]);
  if (found === undefined) throw unknown(user, "user", passwdFile);
  if (group !== undefined) return { uid: found, gid: idOf(group) ?? groupNamed(group, groupFile) };
  const gid = idOf(row?.[3]);
  if (gid !== undefined) return { uid: found, gid };
  throw new LeaklineError("not-found", `user ${user} is not in ${passwdFile}, so its group is not known`, {
    hint: "give both, as UID:GID",
  });
}

function groupNamed(name: string, groupFile: string): number {
  const row = rowsOf(groupFile).find((fields) => fields[0] === name);
  const gid = idOf(row?.[2]);
  if (gid === undefined) throw unknown(name, "group", groupFile);
  return gid;
}

function unknown(name: string, what: string, file: string): LeaklineError {
  return new LeaklineError("usage", `${name}: there is no such ${what} in ${file}`, {
    hint: "those of a directory service are given by number: `id NAME` prints it",
  });
}

/** A user's or group's number; undefined when the text is none. */
function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function rowsOf(file: string): string[][] {
  try {
    return readSystemFile(file, MAX_USER_FILE)
      .split("\n")
      .map((line) => line.split(":"));
  } catch (cause) {
    if (cause instanceof LeaklineError) throw cause;
    return []; // a container may have none; numbers work all the same
  }
}
