// What is said to the engine when this process ends. One that is away then is not waited for again and again, by one after
// the other that has something to say: once, and briefly. What is not said is as if this process had died.

import { ProcessError } from "../errors.ts";
import type { Session } from "./session.ts";

/** Milliseconds for which the engine may be away at the end of this process; the call takes two seconds more. */
export const AT_END = 1_000;

/** The sessions of which it is known whether they can say something now. */
const known = new WeakMap<Session, boolean>();

/** Calls `work` at the end of this process, unless the engine is away then, or the tree lost. */
export function parting(session: Session, work: () => void): void {
  if (session.closed || known.get(session) === false) return;
  try {
    if (!known.has(session)) {
      // It gives up nothing, and never waits but for the engine.
      session.waitSync("close", ["0", 0], { timeout: AT_END, overdue: "unknown" });
      known.set(session, true);
    }
    work();
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    known.set(session, false);
  }
}
