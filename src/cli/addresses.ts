/** Addresses on the command line. */

import { parseHexAddress } from "../base/address.ts";
import { usageError } from "./command.ts";

/**
 * Hexadecimal addresses, with or without `0x`, unsigned.
 *
 * @throws LeaklineError `usage` naming the first word that is not one.
 */
export function parseAddresses(words: readonly string[]): bigint[] {
  return words.map((word) => {
    const address = parseHexAddress(word);
    if (address === undefined) throw usageError(`${word}: not a hexadecimal address`, "write it as 0x56076afcb6f2");
    return address;
  });
}
