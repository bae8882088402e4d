// What the processes at the seats do: visit the primitives as chance has it, by waits that block and waits that do not, and
// write into the book what they are about. Any of them may be killed at any instruction.

import { BrokenBarrierError, Empty, Full, type Guard, OwnerDiedError } from "@parallel/multiprocessing";
import type { Acquirable, JoinableQueueLike, QueueLike } from "@parallel/multiprocessing/context";
import { Random } from "../../soak/random.ts";
import { pause } from "../../soak/stage.ts";
import { Book, isOver } from "./book.ts";
import { type Carrier, type Guarded, type Named, type Permitted, type Queued, VISITED, type Visited } from "./parts.ts";
import type { Parcel, Rig } from "./rig.ts";

/** Waits for what may never come, in milliseconds. */
const SHORT_WAIT = 200;
/** A wait for what certainly comes takes longer than this only if it was forgotten, in milliseconds. */
const LONG_WAIT = 120_000;
/** The longest rest between two visits, in milliseconds. */
const LONGEST_REST = 8;
/** Of so many messages one is longer than what goes in one piece. */
const LONG_ONE_IN = 40;
const LONG = 100_000;

/** The book of this process. */
let own: Book;

/** The book of this process, which begins its life. */
export function openBook(folder: string, life: string): Book {
  return own ??= new Book(folder, life);
}

/** The action of the barrier. */
export function noteAction(): void {
  own.note("Barrier", "action");
}

/** The process at a seat: visits the primitives until the end, or its own. */
export async function work(rig: Rig, folder: string, life: string, path: string): Promise<void> {
  const visitor = new Visitor(rig, openBook(folder, life), life, new Random(path));
  while (!isOver(folder)) {
    await visitor.visit();
    await pause(visitor.random.below(LONGEST_REST));
  }
}

/** Somebody who uses what all share. */
export class Visitor {
  readonly #rig: Rig;
  readonly #book: Book;
  readonly #life: string;
  readonly random: Random;
  #made = 0;

  constructor(rig: Rig, book: Book, life: string, random: Random) {
    this.#rig = rig;
    this.#book = book;
    this.#life = life;
    this.random = random;
  }

  /** Visits one, or that one. */
  async visit(part: Visited = this.random.pick(VISITED)): Promise<void> {
    switch (part) {
      case "Lock":
      case "RLock":
      case "Value":
      case "Array":
        return await this.count(part);
      case "Condition":
        return await (this.#coin() ? this.count(part) : this.#takeOne());
      case "Semaphore":
      case "BoundedSemaphore":
        return await this.#permit(part);
      case "Event":
        return await this.#event();
      case "Barrier":
        return await this.#barrier();
      case "SimpleQueue":
        return await (this.#rig.simple.empty() ? this.putSimple() : this.#getSimple());
      case "Pipe":
        return await (this.#rig.pipe[0].pollSync() ? this.#receive() : this.send());
      case "dict":
      case "Namespace":
        return await this.#name(part);
      case "list":
        return await this.#list();
      case "set":
        return await this.#set();
      default:
        return await (this.#coin() ? this.#put(part) : this.get(part).then(() => {}));
    }
  }

  #coin(): boolean {
    return this.random.coin();
  }

  // Counts under a lock

  #lockOf(part: Guarded): Acquirable {
    const { lock, rlock, condition, value, array } = this.#rig;
    if (part === "Value") return value.getLock();
    if (part === "Array") return array.getLock();
    return { Lock: lock, RLock: rlock, Condition: condition }[part];
  }

  /** Enters: whoever is told that the last one died lets go, and comes again. */
  async #entered(part: Guarded): Promise<Guard> {
    const lock = this.#lockOf(part);
    for (;;) {
      this.#book.note(part, "try");
      try {
        return this.#coin() ? await lock.acquire() : lock.acquireSync();
      } catch (error) {
        if (!(error instanceof OwnerDiedError)) throw error;
        this.#book.note(part, "told");
      }
    }
  }

  /** The count that a lock guards, as it is found inside. */
  #found(part: Guarded, guard?: Guard): number {
    const { counts, value, array } = this.#rig;
    let count: number;
    if (part === "Value") count = value.value;
    else if (part === "Array") {
      const [first, second, sum] = array.slice() as Int32Array;
      if (first + second !== sum) this.#book.fault(part, `${first} and ${second} make ${sum}`);
      count = sum;
    } else count = counts[part].value;
    this.#book.note(part, "in", count, guard?.token ?? "-", guard?.ownerDied ? "recovered" : "-");
    return count;
  }

  #write(part: Guarded, count: number): void {
    const { counts, value, array } = this.#rig;
    if (part === "Value") value.value = count;
    else if (part === "Array") {
      const index = this.random.below(2);
      array.set(index, array.get(index) + 1);
      array.set(2, count);
    } else counts[part].value = count;
  }

  /** Counts one more. */
  async count(part: Guarded): Promise<void> {
    const guard = await this.#entered(part);
    const isTwice = part === "RLock" && this.#coin();
    const inner = isTwice ? this.#rig.rlock.acquireSync() : null;
    const count = this.#found(part, guard);
    this.#write(part, count + 1);
    if (part === "Condition") this.#rig.condition.notify();
    this.#book.note(part, "out", count + 1);
    inner?.release();
    guard.release();
    this.#book.note(part, "done");
  }

  /** Waits until there is one, and takes it. */
  async #takeOne(): Promise<void> {
    const { condition, counts } = this.#rig;
    const guard = await this.#entered("Condition");
    let count = this.#found("Condition", guard);
    while (count === 0) {
      this.#book.note("Condition", "park", count);
      const options = { timeout: LONG_WAIT };
      try {
        const isWoken = this.#coin() ? await condition.wait(options) : condition.waitSync(options);
        if (!isWoken) this.#book.fault("Condition", `was not woken for ${LONG_WAIT} ms`);
      } catch (error) {
        if (!(error instanceof OwnerDiedError)) throw error;
        this.#book.note("Condition", "told"); // and it is held again
      }
      count = this.#found("Condition");
    }
    counts.Condition.value = count - 1;
    this.#book.note("Condition", "out", count - 1);
    guard.release();
    this.#book.note("Condition", "done");
  }

  // Permits, the event, the barrier

  async #permit(part: Permitted): Promise<void> {
    const semaphore = this.#rig.permits[part];
    const options = { timeout: SHORT_WAIT };
    this.#book.note(part, "try");
    const guard = this.#coin() ? await semaphore.acquire(options) : semaphore.acquireSync(options);
    this.#book.note(part, guard === null ? "none" : "got");
    if (guard === null) return;
    await pause(this.random.below(LONGEST_REST));
    this.#book.note(part, "back");
    guard.release();
    this.#book.note(part, "done");
  }

  /** Sets and clears, or waits for what the root sets again and again: that must not be missed. */
  async #event(): Promise<void> {
    const { event } = this.#rig;
    this.#book.note("Event", "visit");
    if (this.#coin()) return this.#coin() ? event.set() : event.clear();
    const options = { timeout: LONG_WAIT };
    const isSet = this.#coin() ? await event.wait(options) : event.waitSync(options);
    if (!isSet) this.#book.fault("Event", `was not seen set for ${LONG_WAIT} ms`);
  }

  /** Meets whoever comes in time; a barrier that a death or a time-out has broken is reset. */
  async #barrier(): Promise<void> {
    const { barrier } = this.#rig;
    this.#book.note("Barrier", "try");
    try {
      const index = this.#coin() ? await barrier.wait() : barrier.waitSync();
      this.#book.note("Barrier", "passed", index);
    } catch (error) {
      if (!(error instanceof BrokenBarrierError)) throw error;
      this.#book.note("Barrier", "broken");
      if (barrier.broken) barrier.reset();
    }
  }

  // Messages

  #parcel(): Parcel {
    const length = this.random.oneIn(LONG_ONE_IN) ? LONG : this.random.below(300);
    return { id: `${this.#life}-${++this.#made}`, length, filler: "x".repeat(length) };
  }

  async #put(part: Exclude<Queued, "SimpleQueue">): Promise<void> {
    const queue: QueueLike<Parcel> = this.#rig.queues[part];
    const parcel = this.#parcel();
    const options = { timeout: SHORT_WAIT };
    this.#book.note(part, "put", parcel.id);
    try {
      if (this.#coin()) await queue.put(parcel, options);
      else queue.putSync(parcel, options);
      this.#book.note(part, "stored", parcel.id);
    } catch (error) {
      if (!(error instanceof Full)) throw error;
      this.#book.note(part, "full", parcel.id);
    }
  }

  /** Takes one, and deals with it; whether there was one. */
  async get(part: Exclude<Queued, "SimpleQueue">): Promise<boolean> {
    const queue = this.#rig.queues[part];
    const options = { timeout: SHORT_WAIT };
    this.#book.note(part, "get");
    try {
      this.#got(part, this.#coin() ? await queue.get(options) : queue.getSync(options));
    } catch (error) {
      if (!(error instanceof Empty)) throw error;
      this.#book.note(part, "none");
      return false;
    }
    if (!part.startsWith("JoinableQueue")) return true;
    this.#book.note(part, "deal");
    (queue as JoinableQueueLike<Parcel>).taskDone();
    this.#book.note(part, "dealt");
    return true;
  }

  #got(part: Carrier, { id, length, filler }: Parcel): void {
    this.#book.note(part, "got", id);
    if (filler.length !== length) this.#book.fault(part, `message ${id} has ${filler.length} of ${length} letters`);
  }

  async putSimple(): Promise<void> {
    const parcel = this.#parcel();
    this.#book.note("SimpleQueue", "put", parcel.id);
    if (this.#coin()) await this.#rig.simple.put(parcel);
    else this.#rig.simple.putSync(parcel);
    this.#book.note("SimpleQueue", "stored", parcel.id);
  }

  /** Another may have taken what was there: then this waits for what the root puts again and again. */
  async #getSimple(): Promise<void> {
    const { simple } = this.#rig;
    this.#book.note("SimpleQueue", "get");
    this.#got("SimpleQueue", this.#coin() ? await simple.get() : simple.getSync());
  }

  async send(isPromised = this.#coin()): Promise<void> {
    const [, end] = this.#rig.pipe;
    const parcel = this.#parcel();
    this.#book.note("Pipe", "put", parcel.id);
    if (isPromised) await end.send(parcel);
    else end.sendSync(parcel);
    this.#book.note("Pipe", "stored", parcel.id);
  }

  /** As of the simple queue: what the root sends again and again comes in any case. */
  async #receive(): Promise<void> {
    const [end] = this.#rig.pipe;
    this.#book.note("Pipe", "get");
    this.#got("Pipe", this.#coin() ? await end.recv() : end.recvSync());
  }

  // What a manager keeps

  /** One more under its own name, which nobody else writes; or one more under a name of all. */
  async #name(part: Named): Promise<void> {
    const { dict, namespace } = this.#rig;
    if (this.#coin()) {
      const count = 1 + (await (part === "dict" ? dict.get(this.#life) : namespace.get(this.#life)) ?? 0);
      this.#book.note(part, "set", count);
      await (part === "dict" ? dict.set(this.#life, count) : namespace.set(this.#life, count));
    } else {
      this.#book.note(part, "add");
      await (part === "dict" ? dict.modify("all", one) : namespace.modify("all", one));
    }
    this.#book.note(part, "done");
  }

  async #list(): Promise<void> {
    const id = `${this.#life}-${++this.#made}`;
    this.#book.note("list", "add", id);
    await this.#rig.list.push(id);
    this.#book.note("list", "done", id);
  }

  /** Adds a member, or takes one, which nobody else gets then. */
  async #set(): Promise<void> {
    const { set } = this.#rig;
    if (this.#coin()) {
      const id = `${this.#life}-${++this.#made}`;
      this.#book.note("set", "add", id);
      await set.add(id);
      this.#book.note("set", "done", id);
      return;
    }
    this.#book.note("set", "pop");
    if (await set.size === 0) return this.#book.note("set", "none");
    try {
      this.#book.note("set", "popped", await set.pop());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#book.note("set", "none"); // another has taken the last one
    }
  }
}

function one(count: number): number {
  return count + 1;
}
