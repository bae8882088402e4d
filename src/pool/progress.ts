// A bar on a terminal that shows how far a call is.

/** Where a bar is drawn. */
export interface Terminal {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** Milliseconds between two drawings. */
const EVERY = 100;
const WIDTH = 30;

/** What draws a bar on `terminal`, each time it is called, if that is one; otherwise nothing. */
export function progressBar(
  name: string,
  terminal: Terminal = Deno.stderr,
): ((done: number, total: number | null) => void) | undefined {
  if (!terminal.isTerminal()) return undefined;
  const begin = performance.now();
  let drawn = -Infinity;
  return (done, total) => {
    const now = performance.now();
    const isLast = done === total;
    if (!isLast && now - drawn < EVERY) return;
    drawn = now;
    const line = lineOf(done, total, (now - begin) / 1000);
    terminal.writeSync(new TextEncoder().encode(`\r\x1b[K${name} ${line}${isLast ? "\n" : ""}`));
  };
}

/** `[########------] 40/70 20.0/s 1.5 s left`, or without a bar if the end is not known. */
export function lineOf(done: number, total: number | null, seconds: number): string {
  const rate = done / Math.max(seconds, 1e-3);
  const speed = `${rate.toFixed(1)}/s`;
  if (total === null) return `${done} ${speed}`;
  const filled = total === 0 ? WIDTH : Math.floor(WIDTH * done / total);
  const bar = `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}]`;
  if (done === total) return `${bar} ${done}/${total} in ${seconds.toFixed(1)} s`;
  return `${bar} ${done}/${total} ${speed}${done === 0 ? "" : ` ${((total - done) / rate).toFixed(1)} s left`}`;
}
