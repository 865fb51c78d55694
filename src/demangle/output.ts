/**
 * The text a demangler writes, with its limits.
 *
 * A plain string is the fastest buffer JavaScript has: appending is a rope, and going back to an earlier state is
 * assigning the earlier string.
 */

import { fail, maxOutput, maxSteps } from "./limits.ts";

export class Output {
  text = "";
  /** What was appended last, and not empty: `lastCharacter` without flattening the rope. */
  private last = "";
  private readonly limit: number;
  private stepsLeft: number;

  /** @param length of the mangled name, which sets the limits. */
  constructor(length: number) {
    this.limit = maxOutput(length);
    this.stepsLeft = maxSteps(length);
  }

  append(text: string): void {
    if (text === "") return;
    this.text += text;
    this.last = text;
    if (this.text.length > this.limit) fail();
  }

  /** Goes back to an earlier value of `text`. */
  restore(text: string): void {
    if (this.text === text) return;
    this.text = text;
    this.last = text;
  }

  /** The whole text. Reading a character makes one flat string of the rope, which would take six times the memory. */
  finish(): string {
    return this.text.charCodeAt(0) === 0 ? fail() : this.text;
  }

  get lastCharacter(): string {
    return this.last === "" ? "" : this.last[this.last.length - 1];
  }

  /** Counts work: by default one node or production. */
  step(count = 1): void {
    this.stepsLeft -= count;
    if (this.stepsLeft < 0) fail();
  }
}
