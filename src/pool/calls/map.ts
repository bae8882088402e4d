// A call of the function for each item, whose result is the list of all results: `map` and `starmap`.

import { type Input, ListInput } from "../input.ts";
import type { Counts, Meter } from "../progress.ts";
import { type CallParts, PromisedCall, Task } from "./call.ts";
import { fulfilled, rejected } from "./settled.ts";

/** Chunks of an input whose length is known, for each task that may run at a time, as CPython cuts it. */
const CHUNKS_PER_WORKER = 4;
/** Towards the end chunks get smaller, so that no worker has much to do when the others are done. */
const LAST_CHUNKS_PER_WORKER = 2;
/** Where many workers share a CPU, a chunk of quick items may be larger, up to so many milliseconds of work: to wake a
 * worker that has to get the CPU from another takes a tenth of one. */
const WORTH_A_TURN = 1;
/** But so many times as large at most: what items took until now is no promise for the others. */
const MOST_LARGER = 8;
/** The largest chunk of an input whose length is not known. */
const LARGEST_GUESS = 1024;

/** How many arguments a call may safely have. */
const MAX_ARGUMENTS = 10_000;

/** What a {@linkcode MapCall} is made with besides what all calls are. */
export interface MapParts {
  readonly input: Input;
  /** How many items are one task; `null` for as many as is sensible. */
  readonly chunksize: number | null;
  readonly meter?: Meter;
  /** Whether the results say which items have failed; then the call itself has not. */
  readonly settled?: boolean;
}

/** A call of the function for each item, whose result is the list of results: `map` and `starmap`. */
export class MapCall extends PromisedCall<unknown[]> {
  readonly #input: Input;
  readonly #chunksize: number | null;
  /** The most items that one chunk has, if the length is known. */
  readonly #largest: number;
  readonly #meter: Meter | undefined;
  readonly #isSettled: boolean;
  /** The results of the tasks that are done, by the places of their first items. */
  readonly #parts: { readonly first: number; readonly results: unknown[] }[] = [];
  #taken = 0;
  #finished = 0;
  /** Those of them that have not failed. */
  #done = 0;
  /** The first error to arrive. In a box, since anything may be thrown. */
  #failure: { readonly error: unknown } | null = null;
  /** How far it was when it was ended: its input is closed then, and says no more how many items there are. */
  #countsAtEnd: Counts | null = null;
  isDry = false;

  constructor(parts: CallParts, { input, chunksize, meter, settled = false }: MapParts) {
    super(parts);
    this.#input = input;
    this.#chunksize = chunksize;
    this.#meter = meter;
    this.#isSettled = settled;
    const length = input instanceof ListInput ? input.left : 0;
    this.#largest = Math.ceil(length / (CHUNKS_PER_WORKER * this.events.slots));
  }

  take(): Task | null {
    if (this.isDry) return null;
    let list: unknown[] | null;
    try {
      list = this.#input.pull(this.#chunksize ?? this.#guess());
    } catch (error) {
      this.isDry = true;
      this.end(error);
      return null;
    }
    if (this.isOver) return null; // the input has ended its pool
    if (list === null) {
      this.isDry = true;
      this.#settle();
      return null;
    }
    if (list.length === 0) return null;
    const first = this.#taken;
    this.#taken += list.length;
    if (!(this.#input instanceof ListInput)) return new Task(this, first, list);
    if (this.#input.left === 0) this.isDry = true;
    return new Task(this, first, list, this.since);
  }

  /** How many items the next chunk should have. */
  #guess(): number {
    const { slots } = this.events;
    if (this.#input instanceof ListInput) {
      const fair = Math.min(this.#largest, Math.ceil(this.#input.left / (LAST_CHUNKS_PER_WORKER * slots)));
      return Math.max(fair, this.#worthATurn());
    }
    // As if the input had as many again as it has had until now.
    return Math.min(LARGEST_GUESS, Math.ceil((this.#taken + 1) / (CHUNKS_PER_WORKER * slots)));
  }

  /** How many items a worker should have that has to get a CPU for them; 0 where that makes no difference. */
  #worthATurn(): number {
    const { crowding } = this.events;
    const { itemTime } = this.fn;
    if (crowding === 1 || itemTime === null) return 0;
    return Math.floor(Math.min(this.#largest * Math.min(crowding, MOST_LARGER), WORTH_A_TURN / itemTime));
  }

  done(task: Task, results: unknown[]): void {
    this.#done += results.length;
    this.#keep(task, this.#isSettled ? results.map((value, i) => fulfilled(value, task.first + i)) : results);
  }

  failed(task: Task, error: unknown): void {
    if (this.#isSettled) return this.#keep(task, task.list.map((_, i) => rejected(error, task.first + i)));
    this.#failure ??= { error };
    this.#finish(task);
  }

  override mixed(
    task: Task,
    results: readonly unknown[],
    places: readonly number[],
    errors: readonly unknown[],
  ): void {
    if (!this.#isSettled) return super.mixed(task, results, places, errors);
    const outcomes = results.map((value, i) => fulfilled(value, task.first + i));
    places.forEach((place, i) => outcomes[place] = rejected(errors[i], task.first + place));
    this.#done += results.length - places.length;
    this.#keep(task, outcomes);
  }

  #keep(task: Task, results: unknown[]): void {
    this.#parts.push({ first: task.first, results });
    this.#finish(task);
  }

  #finish(task: Task): void {
    this.#finished += task.list.length;
    this.#meter?.count(this.#counts);
    this.#settle();
  }

  get #counts(): Counts {
    return { done: this.#done, failed: this.#finished - this.#done, total: this.#total };
  }

  /** How many items there are, as far as that is known. */
  get #total(): number | null {
    if (this.#input instanceof ListInput) return this.#taken + this.#input.left;
    return this.isDry ? this.#taken : null;
  }

  protected override conclude(): void {
    super.conclude();
    this.#meter?.end(this.#countsAtEnd ?? this.#counts); // the user's function, which may end the pool, ends no call twice
  }

  #settle(): void {
    if (!this.isDry || this.#finished < this.#taken) return;
    if (this.#failure === null) this.succeed(this.#joined());
    else this.end(this.#failure.error);
  }

  /** All results, in the order of the items. */
  #joined(): unknown[] {
    const lists = this.#parts.sort((a, b) => a.first - b.first).map(({ results }) => results);
    let joined: unknown[] = [];
    // By `concat`, which copies memory; it takes only so many arguments.
    for (let i = 0; i < lists.length; i += MAX_ARGUMENTS) {
      joined = joined.concat(...lists.slice(i, i + MAX_ARGUMENTS));
    }
    return joined;
  }

  override end(error: unknown): void {
    if (this.isOver) return;
    this.#countsAtEnd ??= this.#counts;
    this.isDry = true;
    this.#parts.length = 0;
    this.#input.close();
    super.end(error);
  }
}
