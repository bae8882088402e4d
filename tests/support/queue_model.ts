// What queues of the engine ought to do, without Redis: a model to compare the library of functions with. It is written
// from the tables at the head of records.lua.

import { GONE, type Model, type Outcome, Thing, type Wait } from "./synchronize_model.ts";

/** What may be in messages. It counts how often it has arrived at each member. */
export class Carried extends Thing {
  readonly arrivals = new Map<number, number>();

  arrive(member: number): void {
    this.arrivals.set(member, (this.arrivals.get(member) ?? 0) + 1);
    this.has.add(member);
  }

  /** A member gives up so many arrivals. */
  leave(member: number, count: number): void {
    const left = (this.arrivals.get(member) ?? 0) - count;
    if (left > 0) this.arrivals.set(member, left);
    else this.close(member);
  }

  override close(member: number): void {
    this.arrivals.delete(member);
    super.close(member);
  }

  cancel(): boolean {
    return false;
  }

  destroy(): void {}
}

/** A message. */
export interface Message {
  readonly body: string;
  readonly carries: Carried | null;
  readonly deliveries: number;
}

/** The record of a message, as steps have it. */
export function recordOf({ body, carries, deliveries }: Message): string {
  const objects = carries?.id ?? "";
  return String.fromCharCode(deliveries, 0, 0, objects.length) + objects + body;
}

/** A message that was given to a member. */
interface Take {
  readonly number: number;
  readonly member: number;
  /** `null` once it has landed, where that is not the end of it. */
  message: Message | null;
  readonly isLost: boolean;
}

interface InLine {
  readonly wait: Wait;
  readonly mode: number;
  readonly message: Message | null;
}

/** Of a queue: what it does with messages of members that die, and how often a message may be given. */
export interface Kind {
  readonly counts: boolean;
  readonly max: number;
  readonly policy: "lose" | "redeliver" | "throw";
  readonly most: number;
}

const WHY_ALONE = ["", "", "deserted", "alone"];

/** A queue, joinable or not. Where an outcome has the number of a take, it is `take <number>`. */
export class Queue extends Thing {
  list: Message[] = [];
  lost: Message[] = [];
  takes: Take[] = [];
  taken = 0;
  isShut = false;
  unfinished = 0;
  abandoned = 0;
  died: string[] = [];
  getters: InLine[] = [];
  putters: InLine[] = [];
  joiners: InLine[] = [];

  constructor(model: Model, id: string, readonly kind: Kind) {
    super(model, id);
  }

  get #isAlone(): boolean {
    return this.has.size + this.shares === 1;
  }

  put(member: number, number: number, mode: number, message: Message): Outcome {
    if (this.gone) return GONE;
    if (message.carries?.gone) return ["no", "lacks", message.carries.id];
    if (this.isShut) return ["no", "shut"];
    const { max } = this.kind;
    if (max === 0 || this.list.length < max) {
      this.#hold(message);
      this.#add(message);
      return ["ok"];
    }
    if (mode === 0) return ["no", "full"];
    if (mode > 1 && this.#isAlone) return ["no", WHY_ALONE[mode]];
    this.#hold(message);
    this.putters.push({ wait: this.later(member, number), mode, message });
    return ["later"];
  }

  putMany(messages: readonly Message[]): Outcome {
    if (this.gone) return GONE;
    if (this.kind.max > 0) return ["no", "bounded"];
    const lacks = messages.find(({ carries }) => carries?.gone);
    if (lacks !== undefined) return ["no", "lacks", lacks.carries!.id];
    if (this.isShut) return ["no", "shut"];
    for (const message of messages) {
      this.#hold(message);
      this.#add(message);
    }
    return ["ok"];
  }

  get(member: number, number: number, mode: number, most: number, landed: readonly number[]): Outcome {
    if (this.gone) return GONE;
    this.land(member, landed);
    const given: string[] = [];
    for (let message; given.length < 2 * most && (message = this.list.shift()) !== undefined;) {
      given.push(this.#take(member, message), recordOf(message));
      if (this.kind.max > 0) this.#serve();
    }
    if (given.length > 0) return ["ok", ...given];
    if (this.isShut) return ["no", "shut"];
    if (mode === 0) return ["no", "empty"];
    if (mode > 1 && this.#isAlone) return ["no", WHY_ALONE[mode]];
    this.getters.push({ wait: this.later(member, number), mode, message: null });
    return ["later"];
  }

  unget(member: number, numbers: readonly number[]): Outcome {
    if (this.gone) return GONE;
    const given: Message[] = [];
    for (const number of [...numbers].reverse()) {
      const take = this.takes.find((it) => it.number === number && it.member === member && !it.isLost);
      if (take === undefined || take.message === null) continue;
      this.takes = this.takes.filter((it) => it !== take);
      this.list.unshift(take.message);
      given.push(take.message);
    }
    this.#serve();
    for (const { carries } of given) carries?.leave(member, 1);
    return ["ok"];
  }

  shutdown(isImmediate: boolean): Outcome {
    if (this.gone) return GONE;
    this.isShut = true;
    const dropped = this.putters.map(({ message }) => message!);
    for (const { wait } of [...this.putters.splice(0), ...this.getters.splice(0)]) {
      this.model.answer(wait, ["no", "shut"]);
    }
    if (isImmediate) {
      const thrown = this.list.splice(0);
      if (this.kind.counts) this.#deal(thrown.length);
      dropped.push(...thrown);
    }
    dropped.forEach((message) => this.#forget(message));
    return ["ok"];
  }

  size(): Outcome {
    return this.gone ? GONE : ["ok", `${this.list.length}`, `${this.kind.max}`, this.isShut ? "1" : "0"];
  }

  takeLost(member: number): Outcome {
    if (this.gone) return GONE;
    const lost = this.lost.splice(0);
    return ["ok", ...lost.flatMap((message) => [this.#take(member, message, true), recordOf(message)])];
  }

  taskDone(member: number): Outcome {
    if (this.gone || !this.kind.counts) return GONE;
    if (this.unfinished <= 0) return ["no", "many"];
    const open = this.takes.filter(({ isLost }) => !isLost);
    let done = open.find((take) => take.member === member);
    if (done === undefined) {
      if (this.abandoned > 0) this.abandoned--;
      else done = open[0];
    }
    if (done !== undefined) this.takes = this.takes.filter((it) => it !== done);
    this.#deal(1);
    if (done !== undefined && done.message !== null) this.#forget(done.message);
    return ["ok"];
  }

  join(member: number, number: number, mode: number): Outcome {
    if (this.gone || !this.kind.counts) return GONE;
    if (this.unfinished <= 0) return ["ok"];
    if (this.abandoned > 0) return this.#never();
    if (mode === 0) return ["no", "late"];
    if (mode > 1 && this.#isAlone) return ["no", WHY_ALONE[mode]];
    this.joiners.push({ wait: this.later(member, number), mode, message: null });
    return ["later"];
  }

  #never(): Outcome {
    return ["no", "abandoned", `${this.abandoned}`, ...this.died];
  }

  #hold({ carries }: Message): void {
    if (carries !== null) carries.shares++;
  }

  #forget({ carries }: Message): void {
    if (carries === null) return;
    carries.shares--;
    carries.settle();
  }

  #add(message: Message): void {
    if (this.kind.counts) this.unfinished++;
    const next = this.getters.shift();
    if (next === undefined) this.list.push(message);
    else this.#give(next, message);
  }

  #give({ wait }: InLine, message: Message): void {
    this.model.answer(wait, ["ok", this.#take(wait.member, message), recordOf(message)]);
  }

  #take(member: number, message: Message, isLost = false): string {
    this.takes.push({ number: ++this.taken, member, message, isLost });
    message.carries?.arrive(member);
    return `take ${this.taken}`;
  }

  /** These takes have arrived. */
  land(member: number, numbers: readonly number[]): void {
    const gone: Message[] = [];
    for (const number of numbers) {
      const take = this.takes.find((it) => it.number === number && it.member === member);
      if (take === undefined || take.message === null) continue;
      const stays = this.kind.counts && !take.isLost;
      if (stays && this.kind.policy === "redeliver") continue;
      gone.push(take.message);
      if (stays) take.message = null;
      else this.takes = this.takes.filter((it) => it !== take);
    }
    gone.forEach((message) => this.#forget(message));
  }

  #serve(): void {
    while (this.getters.length > 0 && this.list.length > 0) this.#give(this.getters.shift()!, this.list.shift()!);
    const { max, counts } = this.kind;
    while (max > 0 && this.putters.length > 0 && this.list.length < max) {
      const { wait, message } = this.putters.shift()!;
      this.list.push(message!);
      if (counts) this.unfinished++;
      this.model.answer(wait, ["ok"]);
    }
  }

  #deal(count: number): void {
    if (count === 0) return;
    this.unfinished -= count;
    if (this.unfinished <= 0) { for (const { wait } of this.joiners.splice(0)) this.model.answer(wait, ["ok"]); }
  }

  cancel(wait: Wait): boolean {
    const without = (all: InLine[]) => all.filter((it) => it.wait !== wait);
    const parked = this.putters.find((it) => it.wait === wait);
    [this.getters, this.putters, this.joiners] = [this.getters, this.putters, this.joiners].map(without);
    if (parked !== undefined) this.#forget(parked.message!);
    return false;
  }

  override bury(member: number, how: string): void {
    const { counts, policy, most } = this.kind;
    const theirs = this.takes.filter((take) => take.member === member);
    this.takes = this.takes.filter((take) => take.member !== member);
    let [left, dealt] = [0, 0];
    for (const { message } of theirs.filter(({ isLost }) => !isLost).reverse()) {
      const again = message && { ...message, deliveries: message.deliveries + 1 };
      if (again !== null && again.deliveries < most) this.list.unshift(again);
      else {
        if (again !== null) this.lost.unshift(again);
        if (again !== null || policy !== "lose") left++;
        else dealt++;
      }
    }
    for (const { message } of theirs.filter(({ isLost }) => isLost).reverse()) this.lost.unshift(message!);
    if (theirs.length === 0) return;
    if (counts) {
      if (left > 0) {
        this.abandoned += left;
        const [pid, name, , host] = this.model.obituary(member, how);
        this.died = [pid, name, how, host];
        for (const { wait } of this.joiners.splice(0)) this.model.answer(wait, this.#never());
      }
      this.#deal(dealt);
    }
    this.#serve();
  }

  override letGo(): void {
    if (!this.#isAlone) return;
    const gone: Message[] = [];
    for (const list of ["getters", "putters", "joiners"] as const) {
      const [told, others] = [this[list].filter(({ mode }) => mode > 1), this[list].filter(({ mode }) => mode < 2)];
      this[list] = others;
      for (const { wait, mode, message } of told) {
        if (message !== null) gone.push(message);
        this.model.answer(wait, ["no", WHY_ALONE[mode]]);
      }
    }
    gone.forEach((message) => this.#forget(message));
  }

  destroy(): void {
    for (const { wait } of [...this.getters, ...this.putters, ...this.joiners]) this.model.answer(wait, GONE);
    const parked = this.putters.map(({ message }) => message!);
    const given = this.takes.flatMap(({ message }) => message ?? []);
    for (const message of [...this.list, ...this.lost, ...given, ...parked]) this.#forget(message);
  }
}
