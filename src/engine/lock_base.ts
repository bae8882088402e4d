// What Lock (lock.ts) and RLock (rlock.ts) of an engine have in common. Their state is in the engine (library/lock.lua).
// Here is what this thread knows of what it holds, so that it need not ask.

import { closedError } from "../addon/handles.ts";
import { EngineUnavailableError, type OwnerDiedError } from "../errors.ts";
import { current } from "../runtime/current.ts";
import { nameField, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import type { Guard } from "../synchronize/guard.ts";
import { enter, type LockOptions, throwsOnDeath } from "../synchronize/lock_base.ts";
import { ACQUIRE, ACQUIRE_SYNC, type AcquireOptions, type AcquireSyncOptions, timeoutOf } from "../waiting/options.ts";
import { deadMember, DEATH_PARTS, remoteOwnerDied } from "./deaths.ts";
import { Afterwards, type Hold, RemoteGuard } from "./guard.ts";
import { HeldBytes, type Written } from "./held_bytes.ts";
import { ObjectHandle, type ObjectReference } from "./handles.ts";
import type { Answer, Session, StepArgument } from "./session.ts";
import { giveBack, goneError, ownThread, waitFor } from "./object_waits.ts";

/** How a lock travels: its object, whether its deaths are thrown, and its name. */
export type RemoteLockData = readonly [...ObjectReference, throws: boolean, name?: string];

/** What this thread has of a lock. */
interface Held {
  hold: Hold;
  /** How often it holds it by the engine's count; too few, even below 0, while an answer is on its way. */
  levels: number;
  /** How often it has gone deeper without asking. */
  deeper: number;
}

/** What this thread knows of the locks of a tree, by object. */
interface Known {
  /** What it holds. */
  readonly held: Map<string, Held>;
  /** What became of releases of what it held that have thrown, since the engine was away. */
  readonly released: Map<string, Afterwards>;
}

/** The same, of each tree that it is in. */
const ofTrees = new WeakMap<Session, Known>();

/** What a wait lets go of, to have it again afterwards. */
export interface Suspended {
  /** How the step names who lets go, and what the lock's value gets. */
  readonly words: readonly StepArgument[];
  readonly held: Held | null;
  readonly written: Written | null;
}

/** @ignore What {@linkcode RemoteLock} and {@linkcode RemoteRLock} have in common. */
export abstract class RemoteLockBase implements Disposable {
  static {
    showAsText(RemoteLockBase);
  }

  /** @ignore This process's handle of it. */
  readonly handle: ObjectHandle;
  /** @ignore The bytes that travel with it; kept here for as long as the lock is. */
  cell: HeldBytes | null = null;
  readonly #throws: boolean;
  readonly #key: string;
  readonly #holding: Known["held"];
  readonly #released: Known["released"];
  readonly #thread = ownThread();
  /** @ignore How messages call it. */
  abstract readonly kindName: string;
  /** @ignore Whether its holder may acquire it again. */
  protected abstract readonly isRecursive: boolean;

  protected constructor(handle: ObjectHandle, throws: boolean) {
    this.handle = handle;
    this.#throws = throws;
    this.#key = handle.id;
    ({ held: this.#holding, released: this.#released } = knownOf(handle.session));
  }

  /**
   * Acquires the lock, waiting for it without blocking the thread.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless `onOwnerDeath` is `"recover"`.
   * @throws {InvalidStateError} If this object is, or is being, closed; the lock is then not acquired.
   * @throws What `signal` was aborted with; the lock is then not acquired.
   */
  acquire(): Promise<Guard>;
  /** As above; `null` if the lock was not acquired in time. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  async acquire(options?: AcquireOptions): Promise<Guard | null> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const id = this.#require("acquire");
    const deeper = this.#deeper();
    if (deeper !== null) return deeper;
    using _ = this.handle.share();
    const isTry = timeout === 0;
    const answer = await waitFor(this.handle, isTry ? "lock_try" : "lock_acquire", [id, this.#thread], {
      timeout: isTry ? Infinity : timeout, // it never waits
      signal,
      closed: () => this.#closedError("acquire"),
      giveBack: (answer) => this.#giveBack(id, answer),
    });
    return this.#guard(answer);
  }

  /**
   * Acquires the lock, blocking the thread until it is free.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless `onOwnerDeath` is `"recover"`.
   */
  acquireSync(): Guard;
  /** As above; `null` if the lock was not acquired in time. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  acquireSync(options?: AcquireSyncOptions): Guard | null {
    const timeout = options === undefined ? Infinity : timeoutOf(options, ACQUIRE_SYNC);
    const id = this.#require("acquire");
    const deeper = this.#deeper();
    if (deeper !== null) return deeper;
    if (timeout === 0) return this.#attempt(id);
    return this.#waited("lock_acquire", id, timeout);
  }

  /** Acquires the lock if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null {
    const id = this.#require("acquire");
    return this.#deeper() ?? this.#attempt(id);
  }

  /**
   * Releases the lock.
   *
   * @throws {InvalidStateError} If it is not held, or (RLock) not by this thread.
   * @throws {EngineUnavailableError} If the engine is away. This thread does not hold the lock any more, and the engine is
   * told as soon as it is back, with what was written under the lock. Where this thread held the lock, and holds no other
   * level of it, to release once more waits for that, and throws what it has come to; else it is another release.
   */
  release(): void {
    const held = this.#holding.get(this.#key);
    if (!this.heldHere() && this.confirm()) return;
    const id = this.#require("release");
    if (held !== undefined && held.deeper > 0) {
      held.deeper--;
      return;
    }
    const written = this.#travelling?.giving(this.token) ?? null;
    const hold = held?.hold ?? { token: 0 };
    const released = new Afterwards();
    let answer: Answer;
    try {
      const words = [id, this.#thread, ...written?.words ?? []];
      answer = this.handle.session.insist("lock_release", words, released);
    } catch (error) {
      if (error instanceof EngineUnavailableError) {
        this.#count(-1, hold);
        // What others hold may be released again, when they have it the next time.
        if (held !== undefined || this.isRecursive) this.#released.set(this.#key, released);
      } else {
        this.#keep(written);
      }
      throw error;
    }
    if (answer.refusal !== null) this.#keep(written);
    if (answer.refusal === "free") this.#holding.delete(this.#key); // somebody else has released it
    this.#requireReleased(answer);
    this.#count(-1, hold);
  }

  /**
   * @ignore Waits until a release of this thread that has thrown, since the engine was away, is done; whether there was one.
   *
   * @throws What it would have thrown.
   */
  confirm(): boolean {
    const released = this.#released.get(this.#key);
    if (released === undefined) return false;
    this.handle.session.settle();
    this.#released.delete(this.#key);
    const answer = released.answer();
    if (answer === null) return false; // the tree is left
    // Gone it is where all handles were closed before.
    if (answer.refusal !== "gone") this.#requireReleased(answer);
    return true;
  }

  #requireReleased({ refusal }: Answer): void {
    if (refusal === "free" || refusal === "owner") throw this.notHeld();
    if (refusal !== null) throw goneError("release", this.described);
  }

  /** Whether somebody holds the lock. */
  locked(): boolean {
    return this.look("look at").owner !== "";
  }

  /**
   * Gives up this process's handle, and ends the waits begun with it. The lock itself goes with the last handle of all
   * processes.
   */
  [Symbol.dispose](): void {
    this.handle.close();
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.handle.name || undefined;
  }

  /** @ignore Whether this thread holds it, as far as it knows. */
  heldHere(): boolean {
    return this.token > 0;
  }

  /** @ignore The number of the acquisition by which this thread holds it; 0 if it does not, as far as it knows. */
  get token(): number {
    const held = this.#holding.get(this.#key);
    return held !== undefined && held.levels > 0 ? held.hold.token : 0;
  }

  /** @ignore See {@linkcode enter}: without a guard; whether it must be released afterwards. */
  [enter](): boolean {
    if (this.isRecursive && this.heldHere()) return false;
    this.acquireSync();
    return true;
  }

  /** @ignore This thread, as a condition's steps name the holder. */
  get thread(): number {
    return this.#thread;
  }

  /** @ignore Lets go of all levels, as a condition's wait does. */
  suspend(): Suspended {
    const written = this.#travelling?.giving(this.token) ?? null;
    const held = this.#holding.get(this.#key) ?? null;
    this.#holding.delete(this.#key);
    return { words: [this.#thread, ...written?.words ?? []], held, written };
  }

  /** @ignore Has them again, by an answer that has the token at `index`; or without one, if nothing had been done. */
  resume({ held, written }: Suspended, answer: Answer | null, index: number): void {
    if (held === null) return;
    this.#holding.set(this.#key, held);
    if (answer === null) return this.#keep(written);
    held.hold.token = answer.number(index);
    this.#took(answer, index);
  }

  /** @ignore Gives back a lock that a wait got, where no guard can any more: it is closed. */
  abandon(id: string, { held }: Suspended, answer: Answer): void {
    if (answer.refusal !== null) return;
    for (let level = held?.levels ?? 1; level > 0; level--) {
      this.#return(id, answer, 2);
    }
  }

  /** @ignore The error of a wait that inherited the lock from a dead owner; `null` if that is to pass in silence. */
  inherited(answer: Answer, index: number): OwnerDiedError | null {
    const dead = deadMember(answer, index);
    if (dead === null || !this.#throws) return null;
    return remoteOwnerDied(`wait with the ${this.described}`, dead, "it is held again");
  }

  /** @ignore The error of who uses it though it was closed. */
  closedError(action: string): Error {
    return this.#closedError(action);
  }

  /** @ignore Another object of the same lock, with a handle of its own. */
  another(): this {
    const Class = this.constructor as new (handle: ObjectHandle, throws: boolean) => this;
    return new Class(this.handle.share(), this.#throws);
  }

  protected abstract notHeld(): Error;

  /** @ignore What it is, and its name, for sentences. */
  get described(): string {
    return `${this.kindName}${this.handle.label}`;
  }

  /** Who holds it, and how deep. */
  protected look(action: string): { owner: string; depth: number } {
    const answer = this.handle.session.step("lock_look", this.#require(action));
    if (answer.refusal !== null) throw goneError(action, this.described);
    return { owner: answer.text(0), depth: answer.number(1) };
  }

  /** What `toString` gives, with the name at the end: `state` of how CPython's repr names the holder, and of the depth. */
  protected text(state: (owner: string, depth: number | "nonzero") => string): string {
    return `<${this.kindName}(${this.#state(state)}${nameField(this.handle.name)})>`;
  }

  #state(state: (owner: string, depth: number | "nonzero") => string): string {
    if (this.handle.closed) return "closed";
    try {
      const { owner, depth } = this.look("look at");
      if (owner === "") return state("None", 0);
      const [member, thread] = owner.split("/");
      if (Number(member) !== this.handle.session.member) return state("SomeOtherProcess", "nonzero");
      if (Number(thread) !== this.#thread) return state("SomeOtherThread", "nonzero");
      return state(current.name, depth + (this.#holding.get(this.#key)?.deeper ?? 0));
    } catch {
      return "out of reach"; // whoever prints it wants no error
    }
  }

  protected data(): RemoteLockData {
    return this.handle.named([...this.handle.reference(this.kindName), this.#throws]);
  }

  /** The bytes that travel with it; another object of the same lock may know them. */
  get #travelling(): HeldBytes | null {
    return this.cell ?? HeldBytes.find(this.handle.session, this.#key);
  }

  /** The engine was not told of that: it is for the next release. */
  #keep(written: Written | null): void {
    if (written !== null) this.#travelling?.keep(written);
  }

  #require(action: string): string {
    return this.handle.require(action, this.kindName);
  }

  #closedError(action: string): Error {
    return closedError(`${action} the ${this.described}`, this.kindName);
  }

  /** Goes deeper into what this thread holds, without asking. */
  #deeper(): Guard | null {
    if (!this.isRecursive) return null;
    const held = this.#holding.get(this.#key);
    if (held === undefined || !this.heldHere()) return null;
    held.deeper++;
    return new RemoteGuard(this, false, held.hold);
  }

  #attempt(id: string): Guard | null {
    return this.#waited("lock_try", id, 0);
  }

  /** Does a step for this thread, which blocks; it is done later, and given back, where the engine is away for too long. */
  #waited(step: string, id: string, timeout: number): Guard | null {
    const giveBack = (answer: Answer) => this.#giveBack(id, answer);
    return this.#guard(this.handle.session.waitSync(step, [id, this.#thread], { timeout, giveBack }));
  }

  #guard(answer: Answer | null): Guard | null {
    if (answer === null || answer.refusal === "held") return null;
    if (answer.refusal === "died") {
      throw remoteOwnerDied(`acquire the ${this.described}`, deadMember(answer, 0)!, "it is free again");
    }
    if (answer.refusal !== null) throw goneError("acquire", this.described);
    const token = answer.number(0);
    const known = this.#holding.get(this.#key)?.hold;
    const hold = known?.token === token ? known : { token };
    this.#released.delete(this.#key);
    this.#count(1, hold);
    this.#took(answer, 0);
    return new RemoteGuard(this, deadMember(answer, 1) !== null, hold);
  }

  /** Notes an acquisition or a release. Of an RLock the release may be known before the acquisition is. */
  #count(change: 1 | -1, hold: Hold): void {
    const held = this.#holding.get(this.#key);
    const levels = this.isRecursive ? (held?.levels ?? 0) + change : Math.max(0, change);
    if (levels === 0) this.#holding.delete(this.#key);
    else this.#holding.set(this.#key, { hold, levels, deeper: held?.deeper ?? 0 });
  }

  /** Takes what has travelled with the lock, by an answer that has the token at `index`. */
  #took(answer: Answer, index: number): void {
    const cell = index + 1 + DEATH_PARTS;
    if (answer.length < cell + 2 || answer.text(cell) !== "cell") return;
    this.#travelling?.took(answer.number(index), answer.bytes(cell + 1));
  }

  #giveBack(id: string, answer: Answer): void {
    if (answer.refusal !== null && answer.refusal !== "died") return;
    this.#return(id, answer, answer.refusal === null ? 1 : 0);
  }

  #deathIn(answer: Answer, index: number): readonly string[] {
    return deadMember(answer, index)?.parts ?? ["", "", "", ""];
  }

  /** Gives the lock back, and says who died that had it, if that was told. */
  #return(id: string, answer: Answer, index: number): void {
    giveBack(this.handle.session, "lock_giveback", id, this.#thread, ...this.#deathIn(answer, index));
  }
}

function knownOf(session: Session): Known {
  const known = ofTrees.get(session) ?? { held: new Map(), released: new Map() };
  ofTrees.set(session, known);
  return known;
}

/** What a lock is made of: that of a message, or a new one with these options; and whether its deaths are thrown. */
export function openLock(
  kind: "lock" | "rlock",
  first: Session | ObjectHandle,
  second: LockOptions | boolean,
): [handle: ObjectHandle, throws: boolean] {
  if (first instanceof ObjectHandle) return [first, second === true];
  const options = second as LockOptions;
  const throws = throwsOnDeath(options);
  return [ObjectHandle.make(first, kind, objectName("create a lock", options), throws ? 0 : 1), throws];
}
