// Who waits for what, as far as it can be seen from outside: for each process below another what it is, in which state,
// and in which call of the system; for those at seats also how far they have come.

import { descendantsOf } from "../support/helpers.ts";
import type { Seen } from "./stage.ts";

/** Lines of a dump at most. */
const MOST = 120;

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "gone";
  }
}

/** One line for each process below `root`, and for that itself. */
export function whoWaits(root: number, seen: readonly Seen[] = []): string[] {
  const names = new Map(seen.map(({ pid, what }) => [pid, what]));
  const lines = [root, ...descendantsOf(root)].map((pid) => {
    const stat = read(`/proc/${pid}/stat`);
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const title = read(`/proc/${pid}/comm`);
    return `process ${pid} (${title}, child of ${parent}): ${state}, in ${read(`/proc/${pid}/wchan`)}` +
      (names.has(pid) ? `; ${names.get(pid)}` : "");
  });
  return lines.length > MOST ? [...lines.slice(0, MOST), `and ${lines.length - MOST} more`] : lines;
}
