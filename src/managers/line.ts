// How the calls of a proxy reach its server, whatever lies between.

import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";

/** A number for an object of a server: random, 53 bits, and never used again. */
export type ObjectId = number;

/** The way from here to a server: by rings, by a connection, or none at all inside of the server. */
export interface Line {
  /**
   * Has an object of the server do something (names.ts); what it gives.
   *
   * @throws {TimeoutError} If that takes longer than `timeout`.
   * @throws {EOFError} If the server has ended.
   * @throws What `signal` was aborted with, and whatever the object throws.
   */
  call(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown>;
  /** As {@linkcode call}, blocking the thread. */
  callSync(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitSyncOptions): unknown;
  /** Tells the server that a proxy of the object was closed here, which `inside` was what it consists of. */
  release(target: ObjectId, inside: object): void;
  /** Whether functions are those of another language there, and travel as they are named. */
  readonly namesFunctions?: boolean;
  /** For messages: the server's process. */
  readonly server: string;
}
