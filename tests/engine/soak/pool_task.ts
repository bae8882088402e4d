// What the workers of the soak's pool do.

import { currentTask } from "@parallel/multiprocessing";
import { pause } from "../../soak/stage.ts";
import { openBook } from "./worker.ts";

/** Takes some milliseconds for the double of a number, and notes at which attempt. */
export async function double(n: number, folder: string, ms: number): Promise<number> {
  const book = openBook(folder, `pool-${Deno.pid}`);
  const { attempt } = currentTask()!;
  book.note("Pool", "run", n, attempt);
  await pause(ms);
  book.note("Pool", "ran", n, attempt);
  return 2 * n;
}
