// Processes at their seats: they are started, watched, killed and stopped as their part's generator says, and started
// anew. When a process is killed, and how, is drawn for each of its lives: after how many of its operations.

import { type Books, openBooks } from "./books.ts";
import type { Random } from "./random.ts";
import { Hang, pause, type Seen, type Stage } from "./stage.ts";
import { turningTime } from "./turns.ts";
import type { Victim } from "./victims.ts";

/** Milliseconds between two looks at the seats. */
const LOOK_EVERY = 10;
/** Of so many signals one is a SIGSTOP, with a SIGCONT later. */
const ONE_STOP_IN = 6;
/** The longest stop, in milliseconds. */
const LONGEST_STOP = 250;

/** What is done at a seat. */
export interface Post {
  /** For messages. */
  readonly name: string;
  /** Of those with the same one, some are left at work when one is killed. Default: its name. */
  readonly kind?: string;
  /** Starts a life; `null`: there are to be no more. */
  start(random: Random): Promise<Victim | null> | Victim | null;
  /** Whether it may come to its end by itself before the soak does. */
  readonly mayEnd?: () => boolean;
  /** Called after a kill, when the process is gone. */
  readonly killed?: (row: string) => void;
}

export interface CrewOptions {
  /** The most operations after which a process is killed. */
  readonly most: number;
  /** Milliseconds between two signals at least. */
  readonly gap: number;
  /** With fewer of a kind at work none of it is killed. */
  readonly least: number;
}

/** What is to be done to a life: the signal, after how many operations, and how long a stop lasts. */
interface Fate {
  readonly after: number;
  readonly stop: number | null;
}

interface Seat {
  readonly index: number;
  readonly post: Post;
  life: number;
  victim: Victim | null;
  fate: Fate;
  /** Beats at the beginning, at the last look, and when that was first seen. */
  first: number;
  beats: number;
  since: number;
  state: "starting" | "working" | "stopped" | "ending" | "resting";
}

export class Crew {
  readonly books: Books;
  readonly #stage: Stage;
  readonly #options: CrewOptions;
  readonly #seats: Seat[];
  #nextSignal = 0;
  #isEnding = false;
  #isAbandoned = false;
  #kills = 0;
  /** What goes on beside: starts, stops and ends. */
  readonly #tasks = new Set<Promise<void>>();
  #failure: { error: unknown } | null = null;

  constructor(
    stage: Stage,
    rows: readonly string[],
    posts: number,
    options: CrewOptions,
    post: (seat: number) => Post,
  ) {
    this.#stage = stage;
    this.#options = options;
    this.books = openBooks(rows, posts);
    const idle = { life: 0, victim: null, fate: { after: Infinity, stop: null }, first: 0, beats: 0, since: 0 };
    this.#seats = Array.from(
      { length: posts },
      (_, index) => ({ ...idle, index, post: post(index), state: "resting" }),
    );
    stage.keep(this.books);
    stage.show(() => this.#shown());
  }

  /** How many were killed. */
  get kills(): number {
    return this.#kills;
  }

  /** Starts all, and kills, until the stage is over; `also` is called at every look. */
  async work(also: () => void = () => {}): Promise<void> {
    for (const seat of this.#seats) this.#beginLife(seat);
    while (!this.#stage.isOver()) {
      this.#look();
      also();
      await pause(LOOK_EVERY);
    }
    this.#isEnding = true;
  }

  /** Waits until those at the seats from `from` to `to` have ended by themselves. */
  async ended(from = 0, to = this.#seats.length): Promise<void> {
    this.#isEnding = true;
    while (this.#seats.slice(from, to).some(({ victim, state }) => victim !== null || state === "starting")) {
      if (this.#failure !== null) throw this.#failure.error;
      const late = this.#seats.slice(from, to).find((seat) =>
        seat.victim !== null && this.#hasHung(seat, this.#watched(seat))
      );
      if (late !== undefined) throw new Hang(`${late.post.name} does not end`);
      await pause(LOOK_EVERY);
    }
  }

  /** Follows nobody any more: what ends now has been ended by somebody else. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  #look(): void {
    if (this.#failure !== null) throw this.#failure.error;
    const now = turningTime();
    const due: Seat[] = [];
    for (const seat of this.#seats) {
      this.#watched(seat);
      if (this.#hasHung(seat)) {
        throw new Hang(`${seat.post.name} has done nothing for ${((now - seat.since) / 1000).toFixed(0)} s`);
      }
      if (seat.state === "working" && seat.beats - seat.first >= seat.fate.after) due.push(seat);
    }
    for (const seat of due) {
      if (now < this.#nextSignal || this.#atWork(seat.post) <= this.#options.least) continue;
      this.#nextSignal = now + this.#options.gap;
      this.#signal(seat);
    }
  }

  /** Notes how far a seat has come. */
  #watched(seat: Seat): number {
    const beats = Atomics.load(this.books.beats, seat.index);
    if (beats !== seat.beats) {
      Object.assign(seat, { beats, since: turningTime() });
      if (seat.state === "starting" && seat.victim !== null) seat.state = "working";
    }
    return seat.since;
  }

  #atWork({ kind, name }: Post): number {
    return this.#seats.filter(({ post, state }) => (post.kind ?? post.name) === (kind ?? name) && state === "working")
      .length;
  }

  #signal(seat: Seat): void {
    const { victim, fate, index } = seat;
    const row = this.books.rows[this.books.places[index]];
    if (fate.stop === null) {
      seat.state = "ending";
      this.#kills++;
      this.#stage.count(row, { kills: 1 });
      victim!.signal("SIGKILL");
      return;
    }
    seat.state = "stopped";
    this.#stage.count(row, { stops: 1 });
    this.#beside(async () => {
      await victim!.stopFor(fate.stop!);
      if (seat.victim !== victim || seat.state !== "stopped") return;
      Object.assign(seat, { state: "working", since: turningTime(), first: seat.beats });
      seat.fate = this.#fateOf(seat, "after");
    });
  }

  #beginLife(seat: Seat): void {
    Object.assign(seat, { state: "starting", since: turningTime(), victim: null });
    seat.life++;
    seat.fate = this.#fateOf(seat, "first");
    this.#beside(async () => {
      const victim = await seat.post.start(this.#randomOf(seat));
      seat.first = seat.beats = Atomics.load(this.books.beats, seat.index);
      if (victim === null) return void (seat.state = "resting");
      seat.victim = victim;
      seat.since = turningTime();
      this.#beside(() => this.#follow(seat, victim));
    });
  }

  /** Waits for the end of a life, and begins the next. */
  async #follow(seat: Seat, victim: Victim): Promise<void> {
    const code = await victim.ended;
    if (this.#isAbandoned) return;
    const row = this.books.rows[this.books.places[seat.index]];
    // At the end somebody may have ended by itself just before the signal came.
    const wasKilled = seat.state === "ending" && !(code === 0 && this.#hasEnd());
    seat.victim = null;
    seat.state = "resting";
    if (wasKilled ? code !== -9 : code !== 0) {
      this.#stage.violate(`${seat.post.name}, process ${victim.pid}, ended with ${code}, wanted ${wasKilled ? -9 : 0}`);
    } else if (!wasKilled && !this.#hasEnd() && !(seat.post.mayEnd?.() ?? false)) {
      this.#stage.violate(`${seat.post.name}, process ${victim.pid}, ended by itself`);
    }
    if (wasKilled) seat.post.killed?.(row);
    // Somebody is killed at the last moment: the next life finds that it is to end, as all others do.
    if (wasKilled || !this.#isEnding) this.#beginLife(seat);
  }

  /** Whether lives come to their ends: somebody may hear of the stage's end before the next look here. */
  #hasEnd(): boolean {
    return this.#isEnding || this.#stage.isOver();
  }

  #randomOf({ index, life }: Seat): Random {
    return this.#stage.random.of("seat", index, "life", life);
  }

  #fateOf(seat: Seat, when: string): Fate {
    const random = this.#randomOf(seat).of("fate", when);
    const after = random.between(1, this.#options.most);
    return { after, stop: when === "first" && random.oneIn(ONE_STOP_IN) ? random.between(5, LONGEST_STOP) : null };
  }

  #beside(task: () => Promise<void>): void {
    const promise: Promise<void> = task().catch((error) => void (this.#failure ??= { error }))
      .finally(() => this.#tasks.delete(promise));
    this.#tasks.add(promise);
  }

  /** Whether nothing has come of a seat for so long that nothing will. */
  #hasHung({ state, since }: Seat, last = since): boolean {
    return (state === "starting" || state === "working") && turningTime() - last > this.#stage.hang;
  }

  #shown(): Seen[] {
    const now = turningTime();
    return this.#seats.filter(({ victim }) => victim !== null).map(({ index, post, victim, state, since, beats }) => ({
      pid: victim!.pid,
      what: `${post.name}, ${state}, at ${this.books.rows[this.books.places[index]]}, ${beats} operations, the last ` +
        `${((now - since) / 1000).toFixed(1)} s ago`,
    }));
  }
}
