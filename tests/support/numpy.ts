// A CPython that has numpy.

import { pythons } from "./python.ts";

const OWN = new URL("../../target/numpy", import.meta.url).pathname;

/** Whether a Python has numpy. */
function hasNumpy(path: string): boolean {
  try {
    return new Deno.Command(path, { args: ["-c", "import numpy"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** Makes the environment, once, whoever else is about to: with the newest CPython, and numpy from the package index. */
const MAKE = `
exec 9> "$2.lock" && flock 9
[ -x "$2/bin/python3" ] && "$2/bin/python3" -c "import numpy" 2> /dev/null && exit
"$1" -m venv "$2" && "$2/bin/pip" install -q --disable-pip-version-check numpy
`;

/**
 * A Python that has numpy: one of the machine's, or of a virtual environment in target/numpy, which is made at the first
 * need if packages can be had. `undefined` if there is none.
 */
export function pythonWithNumpy(): string | undefined {
  const known = [`${OWN}/bin/python3`, ...pythons.map(({ path }) => path)].find(hasNumpy);
  const newest = pythons.at(-1);
  if (known !== undefined || newest === undefined) return known;
  const args = ["120", "sh", "-c", MAKE, "sh", newest.path, OWN];
  const { success } = new Deno.Command("timeout", { args, stdout: "null", stderr: "null" }).outputSync();
  return success ? `${OWN}/bin/python3` : undefined;
}
