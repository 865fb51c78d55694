/**
 * What a symbolizer says of an address, reduced to what is compared: function, file and line of every frame.
 */

/** Innermost first; one frame at least. What is not known is the empty string, or line 0. */
export type Answer = readonly PlainFrame[];

export type PlainFrame = {
  /** As the linker has it, or demangled; see notation.ts. */
  name: string;
  file: string;
  line: number;
};

/** The answers of one symbolizer, in the order of the addresses. */
export type Answers = readonly Answer[];

export function showAnswer(answer: Answer): string {
  return answer.map(({ name, file, line }) => `${name || "??"} ${file || "??"}:${line}`).join(" < ");
}
