/** Names like one that does not exist, to put into the error message: what was mistyped, or what the compiler made of it. */

/**
 * The most similar of `names`, best first.
 *
 * A name is similar when it differs in few letters, or when it has the wanted one as a part: `my_alloc` in
 * `Pool::my_alloc`, or in `my_alloc.constprop.0`, whose arguments the compiler has changed.
 */
export function nearNames(wanted: string, names: Iterable<string>, most: number): string[] {
  const target = wanted.toLowerCase().slice(0, MAX_COMPARED);
  const mostEdits = Math.max(1, Math.floor(target.length / 4));
  const near: { name: string; distance: number }[] = [];
  for (const name of names) {
    const other = name.toLowerCase();
    if (Math.abs(other.length - target.length) <= mostEdits) {
      const distance = editDistance(target, other);
      if (distance <= mostEdits) near.push({ name, distance });
    } else if (target.length >= MIN_PART && other.includes(target)) {
      near.push({ name, distance: mostEdits + other.length });
    }
  }
  near.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return near.slice(0, most).map(({ name }) => name);
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}

/** Longer names are compared by their beginning. */
const MAX_COMPARED = 100;
/** Shorter names are part of too many. */
const MIN_PART = 4;
