/** How a demangler gives up on a name. */

/** ../demangler.ts's: throws, so that nothing here is left half done. */
declare function throwFailure(): void;

/** Gives up on the name: it breaks the grammar, or a limit. Does not return. */
export function fail(): void {
  throwFailure();
  unreachable();
}
