// Which name was meant by one that there is not: for messages.

/**
 * The name that was meant, most likely: that with the fewest letters changed, whatever the capitals and underscores; or
 * `undefined` if none is near. Also a name that was cut short, such as `errback` for `errorCallback`.
 */
export function nearest(given: string, names: readonly string[]): string | undefined {
  const plain = plainName(given);
  const ranked = names.map((name) => ({ name, changes: changesBetween(plain, plainName(name)) }));
  ranked.sort((a, b) => a.changes - b.changes);
  return ranked.find(({ name, changes }) => isNear(plain, plainName(name), changes))?.name;
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}

/** Whether so many changes are few for names of these lengths, or one name is the other one cut short. */
function isNear(given: string, name: string, changes: number): boolean {
  if (changes <= Math.max(1, Math.floor(Math.max(given.length, name.length) * 0.4))) return true;
  if (given.slice(0, 4) === name.slice(0, 4)) return true;
  return given.length > 2 && given[0] === name[0] && isWithin(given, name);
}

/** Whether all letters of a name come in the other one, in the same order. */
function isWithin(short: string, long: string): boolean {
  let at = 0;
  for (const letter of long) if (letter === short[at]) at++;
  return at === short.length;
}

/** How many letters are to be added, taken away, changed, or exchanged with the next one. */
function changesBetween(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row.push(Math.min(row[j - 1] + 1, last[j] + 1, last[j - 1] + same));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}
