// Who in other programs holds which objects, by the processes: Python's clients count references by connections that they
// close at once, so a connection says nothing about how long they want an object. A process that has ended holds nothing.
//
// | the other end | known by |
// | --- | --- |
// | a UNIX socket | its process, as the kernel tells it |
// | TCP within this machine | the same, if it is of the same user |
// | otherwise | nothing: what it holds it has to give back itself, as in CPython |

import { native } from "../../addon/load.ts";
import type { ObjectId } from "../../managers/line.ts";
import type { ObjectTable } from "../../managers/object_table.ts";
import type { ManagedObject } from "../../managers/objects.ts";
import { raised } from "./raised.ts";

/** In the place of a process that is not known. */
export const UNKNOWN_PID = 0;

/** What one process holds. */
class Holder {
  readonly pid: number;
  /** Tells it from others that get its number later. */
  readonly #mark: number;
  readonly held = new Map<ObjectId, { readonly object: ManagedObject; count: number }>();

  constructor(pid: number) {
    this.pid = pid;
    this.#mark = pid === UNKNOWN_PID ? 0 : native().processMark(pid);
  }

  get hasEnded(): boolean {
    return this.pid !== UNKNOWN_PID && !native().processGoesOn(this.pid, this.#mark);
  }
}

/** The references of a server's clients in other programs. */
export class References {
  readonly #table: ObjectTable;
  readonly #holders = new Map<number, Holder>();

  constructor(table: ObjectTable) {
    this.#table = table;
  }

  #holder(pid: number): Holder {
    const known = this.#holders.get(pid);
    if (known !== undefined && !known.hasEnded) return known;
    if (known !== undefined) this.#end(known);
    const holder = new Holder(pid);
    this.#holders.set(pid, holder);
    return holder;
  }

  /** A process has one more. */
  add(pid: number, object: ManagedObject): void {
    const { held } = this.#holder(pid);
    const known = held.get(object.id);
    if (known !== undefined) return void known.count++;
    object.strangers++;
    held.set(object.id, { object, count: 1 });
  }

  /**
   * A process has one less.
   *
   * @throws An AssertionError of Python's if it has none.
   */
  take(pid: number, id: ObjectId): void {
    const holder = this.#holder(pid);
    const known = holder.held.get(id);
    if (known === undefined) {
      throw raised("AssertionError", `this process has no reference to object ${id.toString(16)}`);
    }
    if (--known.count > 0) return;
    holder.held.delete(id);
    if (holder.held.size === 0) this.#holders.delete(pid);
    this.#letGo(known.object);
  }

  /** How many there are to an object. */
  count(id: ObjectId): number {
    let count = 0;
    for (const { held } of this.#holders.values()) count += held.get(id)?.count ?? 0;
    return count;
  }

  /** Gives back what ended processes had. */
  sweep(): void {
    for (const holder of this.#holders.values()) if (holder.hasEnded) this.#end(holder);
  }

  #end(holder: Holder): void {
    this.#holders.delete(holder.pid);
    for (const { object } of holder.held.values()) this.#letGo(object);
    holder.held.clear();
  }

  #letGo(object: ManagedObject): void {
    object.strangers--;
    this.#table.look(object.id);
  }
}
