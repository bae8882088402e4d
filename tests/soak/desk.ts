// The manager of the soak: what its server has, and what its clients do, be they of its tree or strangers.

import { type DictProxy, type LockProxy, type Proxied, SyncManager } from "@parallel/multiprocessing/managers";
import { isRunning } from "../support/helpers.ts";
import { type Books, Clerk } from "./books.ts";
import { Random } from "./random.ts";

export const KEY: Uint8Array = new TextEncoder().encode("a key of the soak");

/** The rows of the books. */
export const ROWS = ["Manager", "remote client"] as const;

/** What the server was started with. */
let kept: { books: Books; end: Int32Array };

/** The server's initializer. */
export function keep(books: Books, end: Int32Array): void {
  kept = { books, end };
}

/** What a client has for itself. */
export class Drawer {
  echo(value: number): number {
    return value;
  }
}

/** What clients come to. */
export class Desk {
  #inside = 0;

  /** What it was given. */
  echo<T>(value: T): T {
    return value;
  }

  /** Something of one's own, which goes when the client does. */
  make(): Drawer {
    return new Drawer();
  }

  /** Notes who has the lock; throws if somebody else has it, too. */
  enter(pid: number): void {
    if (this.#inside !== 0 && isRunning(this.#inside)) {
      throw new Error(`process ${pid} came to the desk while process ${this.#inside} was there`);
    }
    this.#inside = pid;
  }

  leave(pid: number): void {
    if (this.#inside !== pid) throw new Error(`process ${this.#inside} came to the desk of process ${pid}`);
    this.#inside = 0;
  }

  /** Notes for a client that it has done something; whether it is to go on. */
  beat(seat: number, row: number): boolean {
    const clerk = new Clerk(kept.books, seat, { isItself: false });
    clerk.at(row);
    clerk.done();
    return Atomics.load(kept.end, 0) === 0;
  }

  /** Notes for a client that it was told of a death. */
  told(seat: number, row: number): void {
    const clerk = new Clerk(kept.books, seat, { isItself: false });
    clerk.at(row);
    clerk.noteTold("OwnerDiedError");
  }
}

let shared: Desk | undefined;

/** The same for all. */
export function sharedDesk(): Desk {
  return shared ??= new Desk();
}

/** What the methods of the desk give. */
const PROXIES = { make: "Drawer" } as const;

/** As a client has it. */
export type DeskProxy = Proxied<Desk, typeof PROXIES>;

export class DeskManager extends SyncManager {
  static {
    DeskManager.register("Drawer");
    DeskManager.register("sharedDesk", sharedDesk, { methodToTypeid: PROXIES });
  }
}

/** What a client has. */
export interface Things {
  readonly desk: DeskProxy;
  readonly entries: DictProxy<string, number>;
  readonly lock: LockProxy;
}

/** How the death of the server looks to its clients. */
const ENDS = ["EOFError", "UnexpectedEof", "ConnectionRefused", "ConnectionReset", "BrokenPipe"];

/** Does what `work` says until it is done, or the server is gone. Who ends before that is found out by its crew. */
export async function untilGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Error && ENDS.includes(error.name))) throw error;
  }
}

/** Uses all of it until the desk says that it is over. */
export async function use(things: Things, seat: number, row: number, random: Random): Promise<void> {
  for (let turn = 0; await things.desk.beat(seat, row); turn++) {
    await random.pick([echoed, made, entered, locked])(things, seat, row, turn);
  }
}

async function echoed({ desk }: Things, seat: number, _row: number, turn: number): Promise<void> {
  const answers = [desk.sync.echo([seat, turn]), await desk.echo([seat, turn])];
  const all = [...answers, ...await Promise.all([desk.echo([seat, turn]), desk.echo([seat, turn])])];
  if (all.some((answer) => String(answer) !== `${seat},${turn}`)) throw new Error(`another's answer: ${all}`);
}

async function made({ desk }: Things, _seat: number, _row: number, turn: number): Promise<void> {
  const own = await desk.make();
  if (await own.echo(turn) !== turn) throw new Error("another object's answer");
  if (turn % 2 === 0) own.close(); // the others the garbage collector returns
}

/** Its own entry of a dict is what it has made of it. */
async function entered({ entries }: Things, seat: number, row: number, turn: number): Promise<void> {
  const key = `${row} ${seat}`;
  await entries.set(key, turn);
  const found = await entries.get(key);
  if (found !== turn) throw new Error(`the entry "${key}" is ${found}, wanted ${turn}`);
}

/** A lock of the manager excludes all others: those of the tree share one, a stranger has its own. */
async function locked({ desk, lock }: Things, seat: number, row: number): Promise<void> {
  let guard;
  try {
    guard = await lock.acquire() as { release(): unknown };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "OwnerDiedError") throw error;
    return await desk.told(seat, row);
  }
  if (row === 0) {
    await desk.enter(Deno.pid);
    await desk.leave(Deno.pid);
  }
  await guard.release();
}

/** A client in the tree of the server. */
export async function useAsRelative(things: Things, seat: number, path: string): Promise<void> {
  await untilGone(() => use(things, seat, 0, new Random(path)));
}
