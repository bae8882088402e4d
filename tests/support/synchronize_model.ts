// What locks, semaphores, conditions and events of the engine ought to do, without Redis: a model to compare the
// library of functions with. It is written from the tables at the heads of the parts of the library.

/** What a step answers. */
export type Outcome = string[];

export const GONE = ["no", "gone"];
export const NOBODY = ["", "", "", ""];

/** A step that waits. */
export interface Wait {
  readonly member: number;
  readonly number: number;
  readonly object: Thing;
}

interface InLine {
  readonly wait: Wait;
  readonly from: Condition | null;
  readonly thread: number;
  readonly depth: number;
}

/** What the model's objects have in common. */
export abstract class Thing {
  readonly model: Model;
  readonly id: string;
  readonly has = new Set<number>();
  shares = 0;
  gone = false;

  constructor(model: Model, id: string) {
    this.model = model;
    this.id = id;
  }

  /** Takes a waiter out, of which nobody wants an outcome if `isFinal`; whether it is answered later. */
  abstract cancel(wait: Wait, how?: string, isFinal?: boolean): boolean;
  bury(_member: number, _how: string): void {}
  abstract destroy(): void;
  letGo(): void {}

  /** A member gives it up. */
  close(member: number): void {
    if (this.has.delete(member)) this.settle();
  }

  settle(): void {
    if (this.gone) return;
    if (this.has.size + this.shares > 0) return this.letGo();
    this.destroy();
    this.gone = true;
  }

  protected later(member: number, number: number): Wait {
    const wait = { member, number, object: this };
    this.model.waits.push(wait);
    return wait;
  }
}

/** A lock, or a recursive one. */
export class Lock extends Thing {
  owner: { member: number; thread: number } | null = null;
  depth = 0;
  token = 0;
  died: string[] | null = null;
  line: InLine[] = [];

  constructor(model: Model, id: string, readonly recursive: boolean, readonly recovers: boolean) {
    super(model, id);
  }

  acquire(member: number, number: number, thread: number, mayWait: boolean): Outcome {
    if (this.gone) return GONE;
    const { owner } = this;
    if (owner === null) {
      const died = this.died;
      this.died = null;
      if (died !== null && !this.recovers) return ["no", "died", ...died];
      this.#take(member, thread, 1);
      return ["ok", `${this.token}`, ...died ?? NOBODY];
    }
    if (this.recursive && owner.member === member && owner.thread === thread) {
      this.depth++;
      return ["ok", `${this.token}`, ...NOBODY];
    }
    if (!mayWait) return ["no", "held"];
    this.line.push({ wait: this.later(member, number), from: null, thread, depth: 1 });
    return ["later"];
  }

  release(member: number, thread: number): Outcome {
    if (this.gone) return GONE;
    if (this.owner === null) return ["no", "free"];
    if (this.recursive && !this.isOwner(member, thread)) return ["no", "owner"];
    if (this.depth > 1) this.depth--;
    else this.free(null);
    return ["ok"];
  }

  giveBack(member: number, thread: number): Outcome {
    if (this.gone) return GONE;
    const died = ["7", "x", "y", "z"];
    if (!this.isOwner(member, thread)) this.died ??= died;
    else if (this.depth > 1) this.depth--;
    else this.free(died);
    return ["ok"];
  }

  isOwner(member: number, thread: number): boolean {
    return this.owner?.member === member && this.owner.thread === thread;
  }

  free(died: string[] | null): void {
    this.owner = null;
    this.depth = 0;
    if (died !== null) this.died = died;
    this.handOn();
  }

  enter(entry: InLine): void {
    this.line.push(entry);
    if (this.owner === null) this.handOn();
  }

  handOn(): void {
    for (let next; this.owner === null && (next = this.line.shift()) !== undefined;) {
      const { wait, from, thread, depth } = next;
      if (!this.model.lives(wait.member)) continue;
      const died = this.died;
      this.died = null;
      if (died !== null && !this.recovers && from === null) {
        this.model.answer(wait, ["no", "died", ...died]);
        continue;
      }
      this.#take(wait.member, thread, depth);
      const outcome = [`${this.token}`, ...died ?? NOBODY];
      if (from === null) this.model.answer(wait, ["ok", ...outcome]);
      else from.returned(wait, outcome);
    }
  }

  #take(member: number, thread: number, depth: number): void {
    this.owner = { member, thread };
    this.depth = depth;
    this.token++;
  }

  leave(wait: Wait): void {
    this.line = this.line.filter((it) => it.wait !== wait);
  }

  cancel(wait: Wait): boolean {
    this.leave(wait);
    return false;
  }

  override bury(member: number, how: string): void {
    if (this.owner?.member === member) this.free(this.model.obituary(member, how));
  }

  destroy(): void {
    for (const { wait } of this.line) this.model.answer(wait, GONE);
    this.line = [];
  }
}

interface InCondition {
  readonly wait: Wait;
  readonly thread: number;
  readonly depth: number;
  readonly came: number;
  time: number;
}

/** A condition of a lock. */
export class Condition extends Thing {
  came = 0;
  all: InCondition[] = [];

  constructor(model: Model, id: string, readonly lock: Lock) {
    super(model, id);
    lock.shares++;
  }

  get waiting(): InCondition[] {
    return this.all.filter((it) => it.time === 0);
  }

  wait(member: number, number: number, thread: number): Outcome {
    if (this.gone) return GONE;
    if (!this.lock.isOwner(member, thread)) return ["no", "owner"];
    const { depth } = this.lock;
    this.all.push({ wait: this.later(member, number), thread, depth, came: ++this.came, time: 0 });
    this.lock.free(null);
    return ["later"];
  }

  notify(member: number, thread: number, n: number): Outcome {
    if (this.gone) return GONE;
    if (!this.lock.isOwner(member, thread)) return ["no", "owner"];
    const told = this.waiting.slice(0, n);
    for (const it of told) this.#move(it, this.came + 1);
    return ["ok", `${told.length}`];
  }

  #move(it: InCondition, time: number): void {
    it.time = time;
    this.lock.enter({ wait: it.wait, from: this, thread: it.thread, depth: it.depth });
  }

  returned(wait: Wait, outcome: string[]): void {
    const it = this.all.find((it) => it.wait === wait)!;
    this.all = this.all.filter((other) => other !== it);
    this.model.answer(wait, ["ok", it.time > 0 ? "1" : "0", ...outcome]);
  }

  cancel(wait: Wait, how?: string, isFinal = false): boolean {
    const it = this.all.find((it) => it.wait === wait);
    if (it === undefined) return false;
    if (isFinal) {
      this.#forget(it);
      if (it.time > 0) this.#inherit(it.time);
      return false;
    }
    if (how === undefined) {
      if (it.time === 0) this.#move(it, -1);
      return true;
    }
    if (it.time <= 0) {
      this.#forget(it);
      return false;
    }
    const dead = this.all.filter((it) => it.wait.member === wait.member && it.time > 0);
    dead.forEach((it) => this.#forget(it));
    for (const { time } of dead.sort((a, b) => a.time - b.time)) this.#inherit(time);
    return false;
  }

  #inherit(time: number): void {
    const heir = this.waiting.find((it) => this.model.lives(it.wait.member));
    if (heir !== undefined && heir.came < time) this.#move(heir, time);
  }

  #forget(it: InCondition): void {
    this.all = this.all.filter((other) => other !== it);
    this.lock.leave(it.wait);
  }

  destroy(): void {
    for (const it of [...this.all]) {
      this.#forget(it);
      this.model.answer(it.wait, GONE);
    }
    this.lock.shares--;
    this.lock.settle();
  }
}

/** A semaphore. */
export class Semaphore extends Thing {
  line: Wait[] = [];

  constructor(model: Model, id: string, public value: number, readonly max: number) {
    super(model, id);
  }

  acquire(member: number, number: number, mayWait: boolean): Outcome {
    if (this.gone) return GONE;
    if (this.value > 0) {
      this.value--;
      return ["ok"];
    }
    if (!mayWait) return ["no", "taken"];
    this.line.push(this.later(member, number));
    return ["later"];
  }

  release(n: number): Outcome {
    if (this.gone) return GONE;
    if (this.value + n > this.max) return ["no", "full", `${this.value}`, `${this.max}`];
    for (; n > 0 && this.line.length > 0; n--) this.model.answer(this.line.shift()!, ["ok"]);
    this.value += n;
    return ["ok"];
  }

  cancel(wait: Wait): boolean {
    this.line = this.line.filter((it) => it !== wait);
    return false;
  }

  destroy(): void {
    for (const wait of this.line.splice(0)) this.model.answer(wait, GONE);
  }
}

/** An event. */
export class Event extends Thing {
  isSet = false;
  line: Wait[] = [];

  set(): Outcome {
    if (this.gone) return GONE;
    this.isSet = true;
    for (const wait of this.line.splice(0)) this.model.answer(wait, ["ok"]);
    return ["ok"];
  }

  clear(): Outcome {
    if (this.gone) return GONE;
    this.isSet = false;
    return ["ok"];
  }

  wait(member: number, number: number): Outcome {
    if (this.gone) return GONE;
    if (this.isSet) return ["ok"];
    this.line.push(this.later(member, number));
    return ["later"];
  }

  cancel(wait: Wait): boolean {
    this.line = this.line.filter((it) => it !== wait);
    return false;
  }

  destroy(): void {
    for (const wait of this.line.splice(0)) this.model.answer(wait, GONE);
  }
}

/** A tree of the model. */
export class Model {
  readonly alive = new Set<number>();
  readonly things: Thing[] = [];
  waits: Wait[] = [];
  /** What has come by mail, for each member, since it was last asked. */
  readonly mail = new Map<number, Map<number, Outcome>>();

  lives(member: number): boolean {
    return this.alive.has(member);
  }

  obituary(member: number, how: string): string[] {
    return member === 1 ? ["1", "root", how, "here"] : [`${100 + member}`, `Process-${member}`, how, `host-${member}`];
  }

  answer(wait: Wait, outcome: Outcome): void {
    this.waits = this.waits.filter((it) => it !== wait);
    if (!this.lives(wait.member)) return;
    let mail = this.mail.get(wait.member);
    if (mail === undefined) this.mail.set(wait.member, mail = new Map());
    mail.set(wait.number, outcome);
  }

  cancel(wait: Wait, isFinal = false): string {
    if (!this.waits.includes(wait)) return "answered";
    if (wait.object.cancel(wait, undefined, isFinal)) return "answered";
    this.waits = this.waits.filter((it) => it !== wait);
    return "cancelled";
  }

  bury(member: number, how: string): void {
    this.alive.delete(member);
    for (const wait of this.waits.filter((it) => it.member === member)) {
      wait.object.cancel(wait, how);
      this.waits = this.waits.filter((it) => it !== wait);
    }
    for (const thing of this.things) if (!thing.gone) thing.bury(member, how);
    for (const thing of this.things) thing.close(member);
  }
}
