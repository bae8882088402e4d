// Which C library a library of native code needs: the highest of the versions of symbols that it names.

/** The highest version of glibc that is named in the file, as `2.34`; `undefined` if there is none. */
export function neededGlibc(file: string | URL): string | undefined {
  // The names of versions are in a table of texts, each behind a NUL. A text elsewhere that looks like one could only let
  // the answer be too high.
  const text = new TextDecoder("latin1").decode(Deno.readFileSync(file));
  const versions = Array.from(text.matchAll(/\0GLIBC_(\d+(?:\.\d+)+)(?=\0)/g), ([, version]) => version);
  return versions.sort(byVersion).at(-1);
}

/** Which of two versions is the lower one, for `sort`. */
export function byVersion(a: string, b: string): number {
  const [these, those] = [a, b].map((version) => version.split(".").map(Number));
  const at = these.findIndex((part, i) => part !== those[i]);
  return at < 0 ? these.length - those.length : these[at] - (those[at] ?? -1);
}
