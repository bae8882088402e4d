// How far a call is: told to a function, drawn as a bar on a terminal, or written as lines where there is none.

import { performance } from "../runtime/timing.ts";
import { shownName } from "../runtime/harmless.ts";
import { isThenable } from "../runtime/thenable.ts";
import { tell } from "../runtime/uncaught.ts";

/** How far a call is. */
export interface Progress {
  /** How many items have their result. */
  readonly done: number;
  /** How many items there are; `null` as long as that is not known, since the input has not ended. */
  readonly total: number | null;
  /** How many items have none, and will have none. */
  readonly failed: number;
  /** Milliseconds since the call was begun. */
  readonly elapsed: number;
  /** Items per second, on average. */
  readonly rate: number;
  /** Milliseconds that the rest will take at this rate; `null` if that cannot be told. */
  readonly eta: number | null;
}

/** Is told how far a call is. */
export type ProgressListener = (progress: Progress) => void;

/** Where a bar is drawn. */
export interface Terminal {
  isTerminal(): boolean;
  writeSync(bytes: Uint8Array): number;
}

/** How many items a call has finished. */
export interface Counts {
  readonly done: number;
  readonly failed: number;
  /** Of so many; `null` if nobody knows. */
  readonly total: number | null;
}

/** What progress becomes. */
interface View {
  /** Milliseconds between two times that it is shown. */
  readonly every: number;
  /** Milliseconds from the beginning to the first time. */
  readonly first: number;
  show(progress: Progress, isLast: boolean): void;
  /** Ends the line: something else may be written now, of an error for example. */
  pause(): void;
}

/** Milliseconds between two calls of a function, or drawings of a bar. */
const EVERY = 100;
/** Milliseconds between two lines. */
const LINE_EVERY = 5000;
const WIDTH = 30;

/** Shows how far one call is: not too often, and once more when it is over. */
export class Meter {
  readonly #view: View;
  readonly #begin = performance.now();
  /** When it is shown again. */
  #next: number;
  #counts: Counts = { done: 0, failed: 0, total: null };
  /** Whether there is something that was not shown. */
  #isNew = false;
  #isOver = false;

  constructor(view: View) {
    this.#view = view;
    this.#next = this.#begin + view.first;
  }

  /** So many items are finished. */
  count(counts: Counts): void {
    if (this.#isOver) return;
    this.#counts = counts;
    this.#isNew = true;
    const now = performance.now();
    if (now < this.#next) return;
    this.#next = now + this.#view.every;
    this.#show(now, false);
  }

  /** Shows what was not shown; something else may be written then. */
  pause(): void {
    if (this.#isOver) return;
    if (this.#view instanceof Bar && this.#isNew) this.#show(performance.now(), false);
    this.#view.pause();
  }

  /** The call is over, whether all is done or not. */
  end(counts: Counts = this.#counts): void {
    if (this.#isOver) return;
    this.#counts = counts;
    this.#isOver = true;
    this.#show(performance.now(), true);
    this.#view.pause();
  }

  #show(now: number, isLast: boolean): void {
    this.#isNew = false;
    this.#view.show(progressOf(this.#counts, now - this.#begin), isLast);
  }
}

/** What the option `progress` of a call of that pool asks for. */
export function meterOf(
  progress: boolean | ProgressListener | undefined,
  pool: string,
  terminal: Terminal = Deno.stderr,
): Meter | undefined {
  if (progress === undefined || progress === false) return undefined;
  const name = shownName(pool);
  if (typeof progress === "function") return new Meter(new Listener(name, progress));
  return new Meter(terminal.isTerminal() ? new Bar(name, terminal) : new Lines(name, terminal));
}

function progressOf({ done, failed, total }: Counts, elapsed: number): Progress {
  const finished = done + failed;
  const rate = finished / Math.max(elapsed / 1000, 1e-3);
  const eta = total === null || (finished === 0 && total > 0)
    ? null
    : finished === total
    ? 0
    : ((total - finished) / rate) * 1000;
  return { done, total, failed, elapsed, rate, eta };
}

class Listener implements View {
  readonly every = EVERY;
  readonly first = 0;
  readonly #name: string;
  readonly #listener: ProgressListener;

  constructor(name: string, listener: ProgressListener) {
    this.#name = name;
    this.#listener = listener;
  }

  show(progress: Progress): void {
    // Whatever goes wrong in it is told, and harms no call.
    const fail = (error: unknown) => tell(`The progress function of a call of "${this.#name}" failed:`, error);
    try {
      const result: unknown = this.#listener(progress);
      if (isThenable(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }

  pause(): void {}
}

/** What writes text, for as long as somebody is there to read it. */
abstract class Writer implements View {
  abstract readonly every: number;
  abstract readonly first: number;
  protected readonly name: string;
  readonly #terminal: Terminal;
  #isGone = false;

  constructor(name: string, terminal: Terminal) {
    this.name = name;
    this.#terminal = terminal;
  }

  abstract show(progress: Progress, isLast: boolean): void;
  abstract pause(): void;

  protected write(text: string): void {
    if (this.#isGone) return;
    try {
      this.#terminal.writeSync(new TextEncoder().encode(text));
    } catch {
      this.#isGone = true; // the terminal, with whoever looked at it
    }
  }
}

class Bar extends Writer {
  readonly every = EVERY;
  readonly first = 0;
  /** Whether the line is not ended. */
  #isOpen = false;
  #last = "";

  show(progress: Progress, isLast: boolean): void {
    const bar = barOf(progress);
    const line = `${this.name} ${bar === "" ? "" : `${bar} `}${lineOf(progress)}`;
    if (isLast && !this.#isOpen && (this.#last === "" || this.#last === line)) return; // nothing was drawn, or all
    this.#last = line;
    this.#isOpen = true;
    this.write(`\r\x1b[K${line}`);
  }

  pause(): void {
    if (this.#isOpen) this.write("\n");
    this.#isOpen = false;
  }
}

class Lines extends Writer {
  readonly every = LINE_EVERY;
  readonly first = LINE_EVERY;

  show(progress: Progress): void {
    this.write(`${this.name}: ${lineOf(progress)}\n`);
  }

  pause(): void {}
}

/** `[######x-----]`, with the failed items behind the others; nothing if the end is not known. */
export function barOf({ done, failed, total }: Progress): string {
  if (total === null) return "";
  const finished = total === 0 ? WIDTH : Math.floor(WIDTH * (done + failed) / total);
  const bad = total === 0 ? 0 : Math.min(finished, Math.ceil(WIDTH * failed / total));
  return `[${"#".repeat(finished - bad)}${"x".repeat(bad)}${"-".repeat(WIDTH - finished)}]`;
}

/** `40/70 20.0/s 1.5 s left, 2 failed` */
export function lineOf({ done, total, failed, elapsed, rate, eta }: Progress): string {
  const finished = done + failed;
  const losses = failed === 0 ? "" : `, ${failed} failed`;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const speed = `${rate.toFixed(1)}/s`;
  if (total === null) return `${finished} ${speed}${losses}`;
  if (finished === total) return `${finished}/${total} in ${seconds(elapsed)}${losses}`;
  return `${finished}/${total} ${speed}${eta === null ? "" : ` ${seconds(eta)} left`}${losses}`;
}
