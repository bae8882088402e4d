// A client's way to a server outside of its tree: a connection. One for each thread, address and key.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `idle` | nobody has called yet: a proxy has come from another process of the tree | `open` (T1) |
// | `open` | the server has said that it is one | `over` (T2) |
// | `over` | every call fails | |
//
// T1. `connect`, `connectSync`. If that fails, the next call tries again.
// T2. `#end`: the connection has ended, or was closed here.

import type { BlockHandle } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { Patience } from "../addon/numbers.ts";
import { translated } from "../addon/translate.ts";
import { wait } from "../addon/waits.ts";
import { type Address, describe } from "../connection/address.ts";
import { allSent, type Connection, receiveAtOnce } from "../connection/connection.ts";
import { EOFError, TimeoutError } from "../errors.ts";
import { unpack } from "../pool/failures.ts";
import { isError } from "../runtime/stack.ts";
import { FROM_OUTSIDE } from "../reduction/passage.ts";
import { performance, queueMicrotask } from "../runtime/timing.ts";
import { Glances } from "../waiting/glance.ts";
import { Watch } from "../waiting/limits.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { turnIfDue, yieldToLoop } from "../waiting/turns.ts";
import type { Line, ObjectId } from "./line.ts";
import { type Failure, Kind, SERVER_ID } from "./messages.ts";
import type { OutsidePassage } from "./outside.ts";
import { connectTo, connectToSync } from "./outside_client.ts";
import { headOf, listOf, sendOutside, TAKE } from "./outside_wire.ts";
import { type Answer, late, PendingCalls } from "./pending.ts";
import { type BaseProxy, insideOf, type ProxyClass, type ProxyInside, type Travelling } from "./proxy.ts";
import { arrivedNames, malformed, proxyClassOf } from "./proxy_classes.ts";

/** Milliseconds for which answers are taken before the event loop has its turn. */
const TURN = 20;
/** The most bytes that one message may have. */
const MOST_BYTES = 2 ** 31;

/** The lines of this thread, by what {@linkcode OutsideLine.to} makes of the address and the key. */
const lines = new Map<string, OutsideLine>();

/** A share in an object, which somebody gives up: when the proxy is closed, or collected. */
interface Share {
  readonly line: OutsideLine;
  readonly id: ObjectId;
}
const collected = new FinalizationRegistry<Share>(({ line, id }) => line.giveUp(id));

/** A client's line to a server outside of its tree. */
export class OutsideLine implements Line {
  /** That of this thread to a server. `authkey` is what it asks for; `null`: nothing. */
  static to(address: Address, authkey: Uint8Array | null): OutsideLine {
    const name = JSON.stringify([address, authkey === null ? null : [...authkey]]);
    const known = lines.get(name);
    if (known !== undefined) return known;
    const line = new OutsideLine(name, address, authkey);
    lines.set(name, line);
    return line;
  }

  readonly address: Address;
  /** What the server asks for; `null`: nothing. */
  readonly authkey: Uint8Array | null;
  readonly #name: string;
  readonly #pending = new PendingCalls();
  readonly #glances = new Glances();
  readonly #ending = new AbortController();
  #connection: Connection | null = null;
  /** While it connects, within the limits of the caller that began it. */
  #connecting: { readonly attempt: Promise<void>; readonly options: WaitOptions } | null = null;
  #state: "idle" | "open" | "over" = "idle";
  /** How many managers have connected by it. */
  #users = 0;
  /** The classes of proxies that those have registered, by the names of the types. */
  readonly #classes = new Map<string, ProxyClass>();
  #isListening = false;
  /** Whether something is kept that the server has not read yet; the reactor sends it, also while the thread is blocked. */
  #isClogged = false;
  /** Whether something was kept since the reactor was told last. */
  #isMoreKept = false;
  /** Shares that are to be asked for once the line is open, and for what. */
  readonly #wanted: { readonly id: ObjectId; readonly inside: WeakRef<ProxyInside> }[] = [];
  /** Those that were asked for, by the numbers of these calls: until then, a lease keeps the object. */
  readonly #asked = new Map<number, BlockHandle>();
  /** The call whose answer is waited for with the thread blocked, and that answer. */
  #awaited: { readonly number: number; answer: Answer | null } | null = null;

  private constructor(name: string, address: Address, authkey: Uint8Array | null) {
    this.#name = name;
    this.address = address;
    this.authkey = authkey;
  }

  get server(): string {
    return `at ${describe(this.address)}`;
  }

  /** Whether there is a connection. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether the connection has ended. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Aborted when the connection has ended. */
  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** How proxies are named in its messages. */
  readonly #passage: OutsidePassage = {
    reduce: (proxy) => this.#nameOf(proxy),
    restore: (data) => this.#proxyFor(data),
  };

  #nameOf(proxy: Travelling): unknown {
    const { id, line } = proxy[insideOf]() as ProxyInside;
    if (line === this) return id;
    throw new TypeError(
      `Cannot send the proxy to the manager's server ${this.server}: its object is in another server, which that one ` +
        "cannot reach by it",
    );
  }

  #proxyFor(data: unknown): BaseProxy {
    if (!Array.isArray(data)) throw malformed();
    const [id, typeid, exposed, isFrozen] = data;
    const names = arrivedNames(typeid, exposed);
    if (!Number.isSafeInteger(id)) throw malformed();
    const description = { typeid, exposed: names, isFrozen: isFrozen === true, direct: null };
    const inside = { id, description, line: this, gate: null, handle: null, isClosed: false };
    collected.register(inside, { line: this, id }, inside);
    return new (proxyClassOf(description, null, this.#classes.get(typeid)))(inside);
  }

  /** Asks for a share in an object of which another process of this tree has a proxy: `inside` is of one here. */
  share(inside: ProxyInside): void {
    collected.register(inside, { line: this, id: inside.id }, inside);
    if (this.#state === "open") this.#takeFor(inside);
    else this.#wanted.push({ id: inside.id, inside: new WeakRef(inside) });
  }

  #takeFor({ id, handle }: ProxyInside): void {
    const number = this.take(id);
    if (handle !== null) this.#asked.set(number, handle);
  }

  /** Asks for a further share in an object; the number of that call. */
  take(id: ObjectId): number {
    const number = this.#pending.next();
    // Nobody waits for the answer: a call for an object that is not there any more says so.
    this.#send(Kind.call, number, [SERVER_ID, TAKE, id]);
    return number;
  }

  /** A manager has connected by it, which has registered these classes of proxies: until it calls {@linkcode leave}. */
  enter(classes: ReadonlyMap<string, ProxyClass>): void {
    this.#users++;
    for (const [typeid, Class] of classes) this.#classes.set(typeid, Class);
  }

  /** Undoes one {@linkcode enter}; the last one closes it. */
  leave(): void {
    if (--this.#users === 0) this.#end();
  }

  /**
   * Connects, if it is not connected yet.
   *
   * @throws As {@linkcode connectTo}.
   */
  async connect(options: WaitOptions = {}): Promise<void> {
    while (this.#state === "idle") {
      const other = this.#connecting;
      if (other !== null) {
        await within(
          options,
          other.attempt.catch((error) => {
            if (!isOfLimits(error, other.options)) throw error; // otherwise it is no failure of this one's
          }),
        );
        continue;
      }
      const attempt = this.#connect(options).finally(() => this.#connecting = null);
      this.#connecting = { attempt, options };
      await attempt;
    }
  }

  async #connect(options: WaitOptions): Promise<void> {
    const connection = await connectTo(this.address, this.authkey, options);
    if (this.#state === "idle") this.#open(connection);
    else connection.close(); // a call that blocks has connected, or it was closed
  }

  /** As {@linkcode connect}, blocking the thread. */
  connectSync(options: WaitSyncOptions = {}): void {
    if (this.#state === "idle") this.#open(connectToSync(this.address, this.authkey, options));
  }

  #open(connection: Connection): void {
    this.#connection = connection;
    this.#state = "open";
    for (const { inside } of this.#wanted.splice(0)) {
      const kept = inside.deref();
      if (kept !== undefined) this.#takeFor(kept);
    }
  }

  /** Sends a message, or keeps it to be sent later. */
  #send(kind: number, number: number, list: readonly unknown[]): void {
    if (this.#state !== "open") return;
    try {
      const isClear = sendOutside(this.#connection!, { kind, number, logical: 0 }, list, this.#passage);
      if (!isClear) void this.#unclog();
    } catch (error) {
      if (!isError(error) || !Object.values(Deno.errors).some((Class) => error instanceof Class)) throw error;
      this.#end(); // the server has gone
    }
  }

  async #unclog(): Promise<void> {
    this.#isMoreKept = true;
    if (this.#isClogged) return;
    this.#isClogged = true;
    try {
      while (this.#isMoreKept) {
        this.#isMoreKept = false;
        await this.#connection![allSent](false);
      }
      this.#isClogged = false;
    } catch {
      this.#end();
    }
  }

  async call(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    const called = performance.now();
    if (this.#state === "idle") await this.connect(options);
    if (this.#state === "over") throw this.#gone(asked);
    const number = this.#pending.next();
    const begin = performance.now();
    this.#send(Kind.call, number, [target, asked, ...args]);
    if (this.isOver) throw this.#gone(asked);
    const answer = this.#pending.wait(number, asked, options, () => this.#send(Kind.cancel, number, []), called);
    this.#listenSoon(begin);
    return await answer;
  }

  callSync(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitSyncOptions): unknown {
    const timeout = timeoutOf(options);
    const until = performance.now() + timeout;
    if (this.#state === "idle") this.connectSync(options);
    if (this.#state === "over") throw this.#gone(asked);
    const number = this.#pending.next();
    this.#send(Kind.call, number, [target, asked, ...args]);
    // The reactor may have sent what it was told of, and no promise can tell it of the rest while the thread is blocked.
    if (this.#isClogged && !this.isOver) void this.#connection![allSent](false).catch(() => {});
    const outer = this.#awaited; // a `restore` of the user's calls another while an answer is read
    const awaited: { readonly number: number; answer: Answer | null } = this.#awaited = { number, answer: null };
    try {
      while (awaited.answer === null) {
        if (this.isOver) throw this.#gone(asked);
        const left = timeout === Infinity ? Infinity : until - performance.now();
        if (left <= 0) {
          this.#send(Kind.cancel, number, []);
          this.#takeAll();
          throw late(asked, timeout);
        }
        this.#receive(left);
      }
    } finally {
      this.#awaited = outer;
    }
    if ("error" in awaited.answer) throw awaited.answer.error;
    return awaited.answer.value;
  }

  release(target: ObjectId, inside: object): void {
    collected.unregister(inside);
    this.giveUp(target);
  }

  /** Gives up one share in an object. */
  giveUp(id: ObjectId): void {
    const place = this.#wanted.findIndex((it) => it.id === id);
    if (place >= 0) this.#wanted.splice(place, 1);
    else this.#send(Kind.release, 0, [id, 1]);
  }

  /** Takes one message, waiting for it up to `timeout` milliseconds with the thread blocked. */
  #receive(timeout: number): void {
    const connection = this.#connection!;
    try {
      if (timeout === Infinity) return this.#attend(connection.recvBytesSync());
      const bytes = connection[receiveAtOnce](MOST_BYTES);
      if (bytes !== undefined) this.#attend(bytes);
      else translated(() => native().descriptorsPoll([connection.fileno()], timeout));
    } catch {
      this.#end();
    }
  }

  /** Takes one message, if it has come; whether it has. */
  #takeOne(patience?: number): boolean {
    let bytes: Uint8Array | undefined;
    try {
      bytes = this.#connection![receiveAtOnce](MOST_BYTES, patience);
    } catch {
      this.#end();
      return true;
    }
    if (bytes === undefined) return false;
    this.#attend(bytes);
    return true;
  }

  /** Takes the answers that there are, so that those which nobody waits for do not stay. */
  #takeAll(): void {
    while (!this.isOver && this.#takeOne());
  }

  /** Begins to listen for answers once this thread has made all the calls that it is about to make. */
  #listenSoon(begin: number): void {
    if (this.#isListening) return;
    this.#isListening = true;
    queueMicrotask(() => void this.#listen(begin));
  }

  async #listen(begin: number): Promise<void> {
    try {
      const due = turnIfDue();
      if (due !== undefined) {
        await due;
        begin = performance.now();
      }
      if (this.#pending.size === 0) this.#takeAll(); // what came for calls that were given up
      if (this.#pending.size === 1 && !this.isOver && this.#glances.begin() > 0) {
        this.#glances.end(this.#takeOne(Patience.microseconds));
      }
      let turn = performance.now();
      while (this.#pending.size > 0 && !this.isOver) {
        if (this.#takeOne()) {
          if (performance.now() - turn > TURN) {
            await yieldToLoop();
            turn = performance.now();
          }
          continue;
        }
        const submit = () => translated(() => native().descriptorsAwait([this.#connection!.fileno()]));
        await wait(submit, { signal: this.#ending.signal });
        turn = performance.now();
        this.#glances.waited(turn - begin);
      }
    } catch {
      this.#end();
    } finally {
      this.#isListening = false;
    }
  }

  #attend(bytes: Uint8Array): void {
    let kind: number, number: number;
    try {
      ({ kind, number } = headOf(bytes));
    } catch {
      return this.#end(); // no server of ours says that
    }
    if (kind !== Kind.result && kind !== Kind.error) return this.#end();
    const lease = this.#asked.get(number);
    if (lease !== undefined) {
      this.#asked.delete(number);
      return lease.close();
    }
    let answer: Answer;
    try {
      const list = listOf(bytes, this.#passage);
      answer = kind === Kind.result ? { value: list[0] } : { error: failureOf(list) };
    } catch (error) {
      answer = { error };
    }
    if (this.#awaited?.number === number) this.#awaited.answer = answer;
    else this.#pending.settle(number, answer);
  }

  /** T2. */
  #end(): void {
    if (this.#state === "over") return;
    this.#state = "over";
    if (lines.get(this.#name) === this) lines.delete(this.#name);
    this.#ending.abort();
    this.#connection?.close();
    for (const lease of this.#asked.values()) lease.close();
    this.#asked.clear();
    this.#pending.fail((asked) => this.#gone(asked));
  }

  #gone(asked: string): EOFError {
    return new EOFError(
      `Cannot call "${asked}": the manager's server ${this.server} has ended, or the connection to it`,
    );
  }
}

/** Waits for a connection that another caller makes, within one's own limits. */
async function within({ timeout, signal }: WaitOptions, attempt: Promise<void>): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const most = timeoutOf({ timeout });
  using _ = new Watch({ timeout: most, signal }, { late: () => reject(late("connect", most)), aborted: reject });
  await Promise.race([attempt, promise]);
}

/** Whether an attempt to connect has failed for the limits of who made it. */
function isOfLimits(error: unknown, { timeout, signal }: WaitOptions): boolean {
  return signal?.aborted === true && error === signal.reason || timeout !== undefined && error instanceof TimeoutError;
}

function failureOf(list: unknown[]): unknown {
  const [text, bytes] = list;
  if (typeof text !== "string" || bytes !== null && !(bytes instanceof Uint8Array)) throw malformedAnswer();
  return unpack([text, bytes] as Failure, FROM_OUTSIDE);
}

function malformedAnswer(): RangeError {
  return new RangeError("Cannot read the answer of a manager's server: it does not say what went wrong");
}
