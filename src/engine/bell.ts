// A wait with a descriptor that becomes readable when it is over: for `wait`, which waits for many objects at once.

import type { EngineNative } from "./native.ts";
import { leaveInBackground, listen } from "./waits.ts";

/**
 * How long it is waited for what the engine says before a bell is asked for. Where it says nothing the object counts as not
 * ready, so that whoever waits for others as well does not wait for it; the bell rings when it has.
 */
export const BRIEFLY = { timeout: 250 } as const;

/** Last resort for bells that nobody closed. */
const collected = new FinalizationRegistry<() => void>((close) => close());

/** A step that waits, and its descriptor. It does not keep the event loop alive. */
export class Bell {
  readonly descriptor: number;
  readonly #native: EngineNative;
  readonly #ticket: number;

  /** `told` is called when it has rung, once this thread's event loop turns. */
  constructor(native: EngineNative, [ticket, descriptor]: [ticket: number, descriptor: number], told: () => void) {
    this.#native = native;
    this.#ticket = ticket;
    this.descriptor = descriptor;
    collected.register(this, () => end(native, ticket), this);
    listen(ticket, (outcome) => {
      told();
      // What the engine was too long away for is still to come.
      if (typeof outcome === "string" && outcome.startsWith("UNAVAILABLE:")) return true;
      native.forget(ticket);
      return false;
    });
    leaveInBackground(ticket);
  }

  /** Whether the descriptor is readable. */
  get hasRung(): boolean {
    return this.#native.hasRung(this.#ticket);
  }

  /** Ends the wait, and closes the descriptor. */
  close(): void {
    collected.unregister(this);
    end(this.#native, this.#ticket);
  }
}

function end(native: EngineNative, ticket: number): void {
  native.hasten(ticket);
  native.closeBell(ticket);
}
