// The progress bar.

import type { SynchronizedLike } from "@parallel/multiprocessing/context";

/** Draws how much is finished on standard error, if that is a terminal, ten times a second until disposed. */
export function progressBar(finished: SynchronizedLike<number>, all: number): Disposable {
  if (!Deno.stderr.isTerminal()) return { [Symbol.dispose]() {} };
  const encoder = new TextEncoder();
  const draw = (text: string) => Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
  const timer = setInterval(() => {
    const done = Math.min(finished.value, all); // some may be counted anew
    const bar = "#".repeat(Math.floor(40 * done / all)).padEnd(40, "-");
    draw(`[${bar}] ${done} of ${all} files`);
  }, 100);
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      draw("");
    },
  };
}
