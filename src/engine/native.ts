// The engine's addon as TypeScript sees it: native/engine-addon.

/** A thread's share in a session. All functions throw `Error`s whose message begins with a code and a colon. */
export interface EngineNative {
  /**
   * Connects (5 s at most), looks at the server, loads the library of functions if it is missing, and begins a tree, or
   * enters one as a member that somebody has made.
   */
  open(url: string, settings: EngineSettings): number;
  /** Does a step of this thread's own lane, and blocks until it is answered. `later` is an answer here. */
  step(session: number, name: string, args: (string | number | Uint8Array)[]): Uint8Array[];
  /** Likewise; where it is answered later, waits for that up to `timeout` milliseconds; `null` if it was cancelled then. */
  wait(session: number, name: string, args: (string | number | Uint8Array)[], timeout: number): Uint8Array[] | null;
  /** Does it in lane 0. What it gives is answered by {@linkcode take}. A timeout of -1: it never waits. */
  submit(session: number, name: string, args: (string | number | Uint8Array)[], timeout: number): number;
  /** Ends the wait of a ticket now. It is answered all the same: by `null`, or by what it got in spite of that. */
  hasten(ticket: number): void;
  /** What has been answered, flat: ticket, outcome. Ticket 0: an event that was told to this member. */
  take(): (number | Uint8Array[] | null | string)[];
  /** Has `deliver` called in this thread when there is something to take. */
  openPort(deliver: () => void): void;
  /** Whether this thread's event loop stays alive. */
  keepAlive(on: boolean): void;
  /** Leaves the tree: an orderly end. */
  close(session: number): void;
}

/** What a session is opened with. */
export interface EngineSettings {
  /** 32 hexadecimal digits. */
  tree: string;
  /** 0: begin the tree as its root. */
  member: number;
  name: string;
  host: string;
  pid: number;
  lease: number;
  patience: number;
  /** Whether this process renews a lease: the root and agents. */
  beats: boolean;
}
