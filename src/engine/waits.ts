// Promises that the engine's addon completes: tickets out, outcomes back.
//
// The event loop stays alive while, and only while, one of them is not complete.

import { partsIn } from "./answer.ts";
import { engineNative } from "./load.ts";
import { numberOf, textOf } from "./text.ts";

/** What came to a ticket: an answer, a failure, or nothing in time. */
export type Outcome = Uint8Array | string | null;

/** Told what came to a ticket; gives whether something else is still to come. */
type Listener = (outcome: Outcome) => boolean;

const listeners = new Map<number, Listener>();
/** The tickets among them that do not keep the event loop alive. */
const background = new Set<number>();
const sessions = new Map<number, (event: string, parts: Uint8Array[]) => void>();
let isOpen = false;
let isKeptAlive = false;

/** Prepares this thread to be told of anything. */
export function openWaits(): void {
  if (isOpen) return;
  engineNative().openPort(deliver);
  isOpen = true;
}

function deliver(): void {
  const [tickets, outcomes] = engineNative().takeOutcomes();
  for (let i = 0; i < tickets.length; i++) {
    if (tickets[i] === 0) {
      tell(outcomes[i] as Uint8Array);
      continue;
    }
    const listener = listeners.get(tickets[i]);
    if (listener?.(outcomes[i]) === false) {
      listeners.delete(tickets[i]);
      background.delete(tickets[i]);
    }
  }
  keepAlive();
}

function tell(bytes: Uint8Array): void {
  const [session, event, ...parts] = partsIn(bytes);
  sessions.get(numberOf(session))?.(textOf(event), parts);
}

/** Hears what comes to a ticket, until `listener` says that nothing else does. */
export function listen(ticket: number, listener: Listener): void {
  listeners.set(ticket, listener);
  keepAlive();
}

/** Lets the event loop end though the ticket is not complete. */
export function leaveInBackground(ticket: number): void {
  if (listeners.has(ticket)) background.add(ticket);
  keepAlive();
}

/** Has the event loop stay alive for the ticket again. */
export function bringForward(ticket: number): void {
  background.delete(ticket);
  keepAlive();
}

/** How many tickets keep the event loop alive. */
export function foregroundTickets(): number {
  return listeners.size - background.size;
}

/** Hears what is told to a session. */
export function hear(session: number, listener: (event: string, parts: Uint8Array[]) => void): void {
  sessions.set(session, listener);
}

/** What is told to a session from now on is told to nobody. */
export function hearNoMore(session: number): void {
  sessions.delete(session);
}

/** Tells the addon, if the answer has changed, whether the event loop is to stay alive. */
function keepAlive(): void {
  const isWanted = listeners.size > background.size;
  if (isWanted === isKeptAlive) return;
  isKeptAlive = isWanted;
  engineNative().keepAlive(isWanted);
}
