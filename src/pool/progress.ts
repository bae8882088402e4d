// A bar on a terminal that shows how far a call is.

import { performance } from "../runtime/timing.ts";

/** Where a bar is drawn. */
export interface Terminal {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** Shows how far a call is. */
export interface Progress {
  /** So many items are done, of so many; `null` if nobody knows. */
  show(done: number, total: number | null): void;
  /** Ends the line: something else may be written now, of an error for example. */
  pause(): void;
  /** The call is over, whether all is done or not. */
  end(): void;
}

/** Milliseconds between two drawings. */
const EVERY = 100;
const WIDTH = 30;

/** Makes the bar on `terminal`, if that is one. */
export function progressBar(name: string, terminal: Terminal = Deno.stderr): Progress | undefined {
  return terminal.isTerminal() ? new Bar(name, terminal) : undefined;
}

class Bar implements Progress {
  readonly #name: string;
  readonly #terminal: Terminal;
  readonly #begin = performance.now();
  #drawn = -Infinity;
  /** Progress that has not been drawn yet. */
  #undrawn: string | null = null;
  #isShown = false;
  /** There is nobody to draw for any more. */
  #isGone = false;

  constructor(name: string, terminal: Terminal) {
    this.#name = name;
    this.#terminal = terminal;
  }

  show(done: number, total: number | null): void {
    const now = performance.now();
    this.#undrawn = lineOf(done, total, (now - this.#begin) / 1000);
    if (now - this.#drawn < EVERY) return;
    this.#drawn = now;
    this.#draw("");
  }

  pause(): void {
    if (this.#undrawn !== null) this.#draw("\n");
    else if (this.#isShown) this.#write("\n");
    this.#isShown = false;
  }

  end(): void {
    this.pause();
    this.#isGone = true;
  }

  #draw(end: string): void {
    this.#write(`\r\x1b[K${this.#name} ${this.#undrawn}${end}`);
    this.#undrawn = null;
    this.#isShown = true;
  }

  #write(text: string): void {
    if (this.#isGone) return;
    try {
      this.#terminal.writeSync(new TextEncoder().encode(text));
    } catch {
      this.#isGone = true; // the terminal, with whoever looked at it
    }
  }
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
