// What no worker has been given yet: the calls that may have more tasks, and the tasks that were given and have come
// back. It says which task is next: of the highest priority; among those, what has come back before what is new; and
// among those, by the order in which the calls were begun.

import type { Call, Task } from "./calls/call.ts";

/** The calls of one priority, in the order in which they were begun. */
interface Level {
  readonly priority: number;
  readonly calls: Set<Call>;
}

/** Where the tasks of one pool come from. */
export class Backlog {
  /**
   * From the highest priority down. An array is never changed: the input of a call, which is the user's code, may begin
   * another call while the levels are gone through. The level of most calls is always there.
   */
  #levels: readonly Level[] = [];
  /** The same by their priorities: there may be as many of them as calls. */
  readonly #byPriority = new Map<number, Level>();
  #callCount = 0;
  /** Tasks to be given again, the first one last. */
  readonly #returned: Task[] = [];

  constructor() {
    this.#levelOf(0);
  }

  /** Whether nothing is to come. */
  get isEmpty(): boolean {
    return this.#callCount === 0 && this.#returned.length === 0;
  }

  /** How many tasks have come back; a call that may have more tasks counts as one. */
  get size(): number {
    return this.#callCount + this.#returned.length;
  }

  /** How many tasks have come back. */
  get returned(): number {
    return this.#returned.length;
  }

  /** No task has a higher priority than this. */
  get highest(): number {
    const back = this.#returned.at(-1)?.call.priority ?? -Infinity;
    for (let i = 0; i < this.#levels.length; i++) {
      const { priority, calls } = this.#levels[i];
      if (calls.size > 0) return Math.max(priority, back);
    }
    return back;
  }

  /** Tasks may come from a call. */
  add(call: Call): void {
    const { calls } = this.#levelOf(call.priority);
    this.#callCount -= calls.size;
    calls.add(call);
    this.#callCount += calls.size;
  }

  #levelOf(priority: number): Level {
    const found = this.#byPriority.get(priority);
    if (found !== undefined) return found;
    const level: Level = { priority, calls: new Set() };
    this.#byPriority.set(priority, level);
    this.#levels = this.#levels.toSpliced(this.#placeOf(priority), 0, level);
    return level;
  }

  /** Where among the levels the one of that priority is, or belongs. */
  #placeOf(priority: number): number {
    let [begin, end] = [0, this.#levels.length];
    while (begin < end) {
      const middle = (begin + end) >> 1;
      if (this.#levels[middle].priority > priority) begin = middle + 1;
      else end = middle;
    }
    return begin;
  }

  /** No more come from it. */
  remove(call: Call): void {
    const { priority } = call;
    const level = this.#byPriority.get(priority);
    if (!level?.calls.delete(call)) return;
    this.#callCount--;
    if (level.calls.size > 0 || priority === 0) return;
    this.#byPriority.delete(priority);
    this.#levels = this.#levels.toSpliced(this.#placeOf(priority), 1);
  }

  /** Tasks are to be given again, if they are still wanted. */
  handBack(tasks: readonly Task[]): void {
    const wanted = tasks.filter(({ call }) => !call.isOver);
    if (wanted.length === 0) return;
    this.#returned.push(...wanted);
    this.#returned.sort(lastFirst);
  }

  /** The next task whose priority is above `floor`; `null` if there is none now. */
  next(floor = -Infinity): Task | null {
    for (const { priority, calls } of this.#levels) {
      if (priority <= floor) break;
      if (this.#priorityOfReturned >= priority) return this.#returned.pop()!;
      const task = this.#take(calls);
      if (task !== null) return task;
    }
    return this.#priorityOfReturned > floor ? this.#returned.pop()! : null;
  }

  /** Of the first task that has come back and is still wanted. */
  get #priorityOfReturned(): number {
    while (this.#returned.at(-1)?.call.isOver) this.#returned.pop();
    return this.#returned.at(-1)?.call.priority ?? -Infinity;
  }

  #take(calls: Set<Call>): Task | null {
    for (const call of calls) {
      const task = call.take();
      if (call.isDry) this.remove(call);
      if (task !== null) return task;
    }
    return null;
  }

  /** Nothing is to be given any more. */
  clear(): void {
    this.#returned.length = 0;
    this.#callCount = 0;
    this.#levels = [];
    this.#byPriority.clear();
    this.#levelOf(0);
  }
}

/** The order of tasks that have come back, from the last to be given to the first. */
function lastFirst(a: Task, b: Task): number {
  return a.call.priority - b.call.priority || b.call.order - a.call.order || b.first - a.first;
}
