// Objects that an answer names, held until its client has counted them, which it does by another connection.
//
// A hold ends with what comes first:
//
// - The client's process asks for a reference to the object: one hold for each such question.
// - The next request by the same connection, or its end: what an answer names is counted before more is asked.
// - `LONGEST` is over: a client that had a reference when the answer came asks for no other.

import type { ObjectTable } from "../../managers/object_table.ts";
import type { ManagedObject } from "../../managers/objects.ts";
import { performance } from "../../runtime/timing.ts";
import { UNKNOWN_PID } from "./references.ts";

/** For so many milliseconds an answer may be on its way, and be read. */
const LONGEST = 10_000;

/** One object, once. */
export interface Hold {
  /** The client's process. */
  readonly pid: number;
  readonly object: ManagedObject;
  readonly since: number;
}

/** The holds of a server. */
export class Holds {
  readonly #table: ObjectTable;
  /** The oldest first. */
  readonly #held = new Set<Hold>();

  constructor(table: ObjectTable) {
    this.#table = table;
  }

  /** An answer to a process names an object. */
  begin(pid: number, object: ManagedObject): Hold {
    const hold = { pid, object, since: performance.now() };
    object.strangers++;
    this.#held.add(hold);
    return hold;
  }

  /** Ends a hold, if it has not ended. */
  end(hold: Hold): void {
    if (!this.#held.delete(hold)) return;
    hold.object.strangers--;
    this.#table.look(hold.object.id);
  }

  /** A process has counted an object. */
  counted(pid: number, object: ManagedObject): void {
    if (pid === UNKNOWN_PID) return;
    for (const hold of this.#held) {
      if (hold.object === object && hold.pid === pid) return this.end(hold);
    }
  }

  /** Ends those that nobody has ended for long. */
  sweep(): void {
    const latest = performance.now() - LONGEST;
    for (const hold of this.#held) {
      if (hold.since > latest) return;
      this.end(hold);
    }
  }
}
