// The engine's addon as TypeScript sees it: native/engine-addon.
//
// An answer is one piece of bytes: of each part the length, in four bytes, and then the part.

/** What a step is given: text or bytes. */
export type NativeArgument = string | Uint8Array;

/** The functions of the addon. They throw `Error`s with a `code`, which `load.ts` turns into error classes. */
export interface EngineNative {
  /** Names the interface that the addon was built for. */
  interface(): string;
  /** Makes this process the leader of a process group of its own. */
  ownGroup(): void;
  /**
   * Connects (5 s at most), looks at the server, loads the library of functions if it is missing, and begins by the look
   * `begin` with `args`, or as a member that somebody has made. What the session tells, this thread hears.
   */
  open(url: string, settings: OpenSettings, args: NativeArgument[]): Opened;
  /** Leaves the tree with this exit code, and closes. */
  close(session: number, code: number): void;
  /** Does a step of this thread's own lane, and blocks until it is answered. `later` is an answer here. */
  step(session: number, name: string, args: NativeArgument[]): Uint8Array;
  /**
   * Likewise; where it is answered later, waits for that up to `timeout` milliseconds; `null` if it was cancelled then. Where
   * the engine has not answered by then, and a little later, it fails with OVERDUE.
   */
  wait(session: number, name: string, args: NativeArgument[], timeout: number): Uint8Array | null;
  /**
   * Ends the wait of this thread that was given up since the engine was away for too long; what it gave all the same. It waits
   * for the engine as a wait of `timeout` milliseconds does.
   */
  recover(session: number, timeout: number): Uint8Array | null;
  /** Calls a function outside of the ledger, on any tree, and blocks until it is answered. */
  look(session: number, tree: string, name: string, args: NativeArgument[]): Uint8Array;
  /** Does a step in lane 0; its ticket, under which it is answered. A timeout of -1: it never waits. */
  submit(session: number, name: string, args: NativeArgument[], timeout: number): number;
  /**
   * Does a step in lane 0 that may wait for ever; its ticket, and the number of a descriptor that becomes readable with the
   * outcome, until {@linkcode closeBell}.
   */
  submitBell(session: number, name: string, args: NativeArgument[]): [ticket: number, descriptor: number];
  /** Whether the descriptor of a ticket has become readable. */
  hasRung(ticket: number): boolean;
  /** Closes the descriptor of a ticket. */
  closeBell(ticket: number): void;
  /** Calls a function outside of the ledger; its ticket. */
  submitLook(session: number, tree: string, name: string, args: NativeArgument[]): number;
  /** Ends the wait of a ticket now. It is answered all the same: by `null`, or by what it got in spite of that. */
  hasten(ticket: number): void;
  /** The wait of a ticket is over. */
  forget(ticket: number): void;
  /**
   * What has come: tickets, and to each an answer, `null` (not in time) or a failure, "CODE:message". Ticket 0: an event;
   * its first part is the number of the session.
   */
  takeOutcomes(): [tickets: number[], outcomes: (Uint8Array | string | null)[]];
  /** Has `deliver` called in this thread when there is something to take. */
  openPort(deliver: () => void): void;
  /** Whether this thread's event loop stays alive. */
  keepAlive(on: boolean): void;
  /**
   * Takes a process group into the ward of a session that beats, or out of it: it is stopped when the lease is nearly out,
   * goes on when the engine is heard again, and is killed when that has buried this member.
   */
  ward(session: number, group: number, on: boolean): void;
}

/** What the addon is told of a session. */
export interface OpenSettings {
  tree: string;
  /** Its number where there is no `begin`. */
  member: number;
  begin?: string;
  lease: number;
  patience: number;
  /** What an answer has outlived before it counts: `memory`, `disk` or `replicas:<n>`. */
  durability: string;
  beats: boolean;
}

/** What the addon says of it. */
export interface Opened {
  session: number;
  member: number;
  warnings: string[];
}

/** What a session is opened with. */
export interface EngineSettings {
  /** 32 hexadecimal digits; or `"hosts"`. */
  tree: string;
  /** 0: begin the tree as its root, or by `begin`. */
  member: number;
  /** The look that makes this process a member, where it is not the root of a new tree: it answers `ok <member> …`. */
  begin?: { name: string; args: (string | number | Uint8Array)[] };
  name: string;
  host: string;
  pid: number;
  lease: number;
  patience: number;
  /** Whether this process renews a lease: the root and agents. */
  beats: boolean;
}
