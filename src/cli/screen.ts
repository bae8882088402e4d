// The terminal while `top` owns it: a second screen, whose lines are written over in one go, so that nothing flickers. It
// is as it was before when the screen is closed, however that comes.

import { clearTimeout, performance, setTimeout } from "../runtime/timing.ts";
import { fitted, widthOf } from "./format.ts";
import type { Line, Style } from "./frame.ts";
import { writeAll } from "../runtime/standard_output.ts";

/** The second screen; no cursor; lines that are too long are cut by the terminal, too. */
const BEGIN = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const END = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const REST_OF_LINE = "\x1b[K";
const REST_OF_SCREEN = "\x1b[J";

const COLOURS: Readonly<Record<Style, string>> = {
  title: "\x1b[1m",
  heading: "\x1b[2m",
  warning: "\x1b[33m",
  plain: "",
};

/** Ends the program: it was asked to by a key or a signal. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** `q`, `Q`, Ctrl-C and Ctrl-D: where keys are read one by one, these are no signals. */
const ENDING_KEYS = [0x71, 0x51, 0x03, 0x04];
/** Ctrl-Z. */
const STOPPING_KEY = 0x1a;
/** Milliseconds in which a program that has asked to be stopped is stopped; those in which it is do not count. */
const STOPPING = 100;

/** Why a pause was over. */
export type Turn = "time" | "resized" | "end";

/** The text with its style, where there are colours. */
export function styled({ text, style }: Line): string {
  const colour = COLOURS[style];
  return colour === "" || text === "" ? text : `${colour}${text}\x1b[0m`;
}

/** Whether colours are wanted where the output goes. */
export function hasColours(): boolean {
  return Deno.stdout.isTerminal() && !Deno.noColor;
}

/** A terminal that is shown one frame after the other. */
export class Screen implements Disposable {
  readonly #colours = hasColours();
  readonly #hasKeys = Deno.stdin.isTerminal();
  #isOpen = true;
  /** The terminal is somebody else's for as long as this program is stopped. */
  #isAway = false;
  #turn: Turn | undefined;
  #wake = () => {};
  readonly #onEnd = () => this.#give("end");
  readonly #onResize = () => this.#give("resized");

  /** Takes the terminal. */
  constructor() {
    for (const signal of ENDING) Deno.addSignalListener(signal, this.#onEnd);
    Deno.addSignalListener("SIGWINCH", this.#onResize);
    this.#take();
    if (this.#hasKeys) this.#readKeys();
  }

  #take(): void {
    if (this.#hasKeys) Deno.stdin.setRaw(true);
    writeAll(BEGIN);
  }

  #giveBack(): void {
    if (this.#hasKeys) Deno.stdin.setRaw(false);
    writeAll(END);
  }

  /** Shows these lines, and nothing else: as many and as much of each as there is room for. */
  show(lines: readonly Line[]): void {
    if (this.#isAway) return;
    const { columns, rows } = sizeOfTerminal();
    const hidden = lines.length - rows;
    const shown = hidden <= 0 ? lines : [
      ...lines.slice(0, Math.max(rows - 1, 0)),
      { text: `… ${hidden + 1} more lines; "top <pid>" shows one tree`, style: "heading" } as const,
    ];
    const texts = shown.map(({ text, style }) => {
      const line = { text: fitted(text, columns), style };
      // Behind a full line the cursor stands on its last letter, which would be erased.
      const rest = widthOf(line.text) < columns ? REST_OF_LINE : "";
      return `${this.#colours ? styled(line) : line.text}${rest}`;
    });
    const below = shown.length < rows ? `\r\n${REST_OF_SCREEN}` : "";
    writeAll(`${HOME}${texts.join("\r\n")}${below}`);
  }

  /** Waits until the moment `until` of the clock of durations, a change of the size, or the wish to end. */
  async pause(until: number): Promise<Turn> {
    if (this.#turn === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, Math.max(until - performance.now(), 0));
      await promise;
      clearTimeout(timer);
    }
    const turn = this.#turn ?? "time";
    if (turn !== "end") this.#turn = undefined;
    return turn;
  }

  /** Gives the terminal back, as it was. */
  [Symbol.dispose](): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const signal of ENDING) Deno.removeSignalListener(signal, this.#onEnd);
    Deno.removeSignalListener("SIGWINCH", this.#onResize);
    try {
      if (!this.#isAway) this.#giveBack();
    } catch {
      // The terminal is gone.
    }
  }

  #give(turn: Turn): void {
    if (this.#turn !== "end") this.#turn = turn;
    this.#wake();
  }

  /** Stops this program and those it runs with, as Ctrl-Z does elsewhere, until the shell has it go on. */
  async #stop(): Promise<void> {
    this.#isAway = true;
    this.#giveBack();
    Deno.kill(0, "SIGTSTP");
    await new Promise((resolve) => setTimeout(resolve, STOPPING));
    if (!this.#isOpen) return;
    this.#take();
    this.#isAway = false;
    this.#give("resized"); // it may have been meanwhile, and nothing is on the screen
  }

  async #readKeys(): Promise<void> {
    const keys = new Uint8Array(64);
    try {
      for (let count; (count = await Deno.stdin.read(keys)) !== null;) {
        const read = keys.subarray(0, count);
        if (read.some((key) => ENDING_KEYS.includes(key))) return this.#give("end");
        if (read.includes(STOPPING_KEY)) await this.#stop();
      }
    } catch {
      // The terminal is gone, which is an end as well.
    }
    this.#give("end");
  }
}

function sizeOfTerminal(): { columns: number; rows: number } {
  try {
    const { columns, rows } = Deno.consoleSize();
    if (columns > 0 && rows > 0) return { columns, rows };
  } catch {
    // It is gone, or says nothing.
  }
  return { columns: 80, rows: 24 };
}
