// What an agent needs of the processes that it starts, and of who knows how to start them.

import type { CodeWay } from "./words.ts";
import type { Session } from "../session.ts";

/** A process that an agent has started. */
export interface StartedChild {
  readonly pid: number;
  /** Its exit code, as soon as it is no more, whatever of its output is still to be sent. It never rejects. */
  readonly gone: Promise<number>;
  /** How it ended, when its output has been sent: the exit code as locally, and what kept it from its work. It never rejects. */
  readonly ended: Promise<{ readonly code: number; readonly failure: string | null }>;
  /** Sends it a signal, unless it has ended. */
  send(signal: number): void;
}

/** What a launch is checked against. */
export interface Told {
  readonly tree: string;
  readonly object: string;
  /** The id that this agent has made up. */
  readonly agent: string;
}

/** Where and as what a child is to begin. */
export interface Beginning {
  /** The engine, as this host reaches it. Never to be shown. */
  readonly url: string;
  readonly shown: string;
  readonly tree: string;
  readonly member: number;
  /** The name of this host. */
  readonly host: string;
  /** The agent's own session in the tree. */
  readonly session: Session;
  readonly code: { readonly allow: ReadonlySet<CodeWay>; readonly cache: string | null };
  readonly grant: readonly string[];
}

/** Who knows what a launch is, and how a process is started from it. */
export interface Starter<Launch = unknown> {
  /** Looks at the signature, unless there is no key; throws what the parent is to be told. */
  verify(parts: readonly Uint8Array[], authkey: Uint8Array | null, told: Told): Promise<Launch> | Launch;
  /** Starts it; throws what the parent is to be told. */
  start(launch: Launch, beginning: Beginning): Promise<StartedChild> | StartedChild;
}
