// The progress bar.

import type * as mp from "@parallel/multiprocessing";

/** Draws how much is finished on standard error, if that is a terminal, ten times a second until disposed. */
export function progressBar(finished: mp.Synchronized<number>, all: number): Disposable {
  if (!Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  const encoder = new TextEncoder();
  const draw = (text: string) => Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
  const timer = setInterval(() => {
    const bar = "#".repeat(Math.floor(40 * finished.value / all)).padEnd(40, "-");
    draw(`[${bar}] ${finished.value} of ${all} files`);
  }, 100);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      draw("");
    },
  };
}
