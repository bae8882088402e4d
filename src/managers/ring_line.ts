// A relative's way to a server: rings in shared memory (messages.ts). One for each thread and server.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `silent` | nothing was asked yet: a proxy of shared memory may never ask | `greeting` (T0) |
// | `greeting` | the server was told of the channels, and has not answered yet | `open` (T1), `over` (T2) |
// | `open` | it has: being the only holder of a channel means that the server has ended | `over` (T2) |
// | `over` | the server has ended: every call fails | |
//
// T0. `#greet`: at the first request.
// T1. `#take`: the welcome has come, which says who the server is.
// T2. `#end`: the channel of answers has come to its end, or the server died before it could answer.

import { native } from "../addon/load.ts";
import { EOFError } from "../errors.ts";
import { Channel, ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import { unpack, unpackAll } from "../pool/failures.ts";
import { current } from "../runtime/current.ts";
import { exitText } from "../runtime/signals.ts";
import { performance, queueMicrotask } from "../runtime/timing.ts";
import { Glances } from "../waiting/glance.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { Watch } from "../waiting/limits.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { type Gate, passWithin } from "./gate.ts";
import type { Line, ObjectId } from "./line.ts";
import { type Failure, Kind, NO_TASK, type Welcome } from "./messages.ts";
import { type Answer, late, PendingCalls } from "./pending.ts";
import { atCall } from "./stacks.ts";

/** Milliseconds for which answers may be looked out for before the event loop gets a turn. */
const LONGEST_TURN = 5;
/** Milliseconds after which a client that was not welcomed yet looks whether the server lives. */
const GREETING_LOOK = 50;

/**
 * The lines of this thread, by the blocks of their servers' bells, which they keep: a number that a message gives a gate
 * may be anybody's.
 */
const lines = new Map<number, RingLine>();

/** A call whose answer is waited for with the thread blocked. */
interface Awaited {
  readonly number: number;
  answer: Answer | null;
  /** Code of the user's that runs while an answer is read, or arguments are written, makes a call of its own. */
  readonly outer: Awaited | null;
}

/** A client's line to one server. */
export class RingLine implements Line {
  /** That of this thread to a server. `authority` is what the server's manager says, who begins the line. */
  static to(gate: Gate, authority = 0): RingLine {
    const known = lines.get(gate.bell.block);
    if (known !== undefined) return known;
    const line = new RingLine(gate, authority);
    lines.set(gate.bell.block, line);
    return line;
  }

  readonly #gate: Gate;
  readonly #requests: Channel = new Channel().own();
  readonly #answers: Channel = new Channel().own();
  readonly #pending = new PendingCalls();
  readonly #glances = new Glances();
  readonly #authority: number;
  #state: "silent" | "greeting" | "open" | "over" = "silent";
  /** The client's number at the server. */
  #number = 0;
  /** How many requests were put before that was known. */
  #unrung = 0;
  #isListening = false;
  #awaited: Awaited | null = null;
  /** Ends the wait for an answer in a promise. */
  #wake = new AbortController();
  #startFailure: { readonly error: unknown } | null = null;

  private constructor(gate: Gate, authority: number) {
    this.#gate = gate;
    this.#authority = authority;
  }

  get server(): string {
    const { name, pid } = this.#gate.facts;
    return `"${name}"${pid === 0 ? "" : ` (pid ${pid})`}`;
  }

  /** Whether the server has ended. */
  get isOver(): boolean {
    return this.#state === "over";
  }

  /** Why the server could not begin, in a box, since an initializer may throw anything; `null` if it could. */
  get startFailure(): { readonly error: unknown } | null {
    return this.#startFailure;
  }

  /** Whether the server has welcomed this client. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  #ring(kind: number, list: readonly unknown[] = []): void {
    this.#gate.bell.send({ ...NO_TASK, kind, task: this.#number }, list);
  }

  /** T0. */
  #greet(): void {
    this.#state = "greeting";
    this.#ring(Kind.hello, [this.#requests, this.#answers, current.name, this.#authority]);
  }

  /** Puts a request, and rings. */
  #send(kind: number, task: number, list: readonly unknown[]): void {
    if (this.#state === "silent") this.#greet();
    passWithin(this.#gate, () => this.#requests.send({ ...NO_TASK, kind, task }, list));
    if (this.#number === 0) this.#unrung++;
    else this.#ring(Kind.ring);
  }

  async call(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    if (this.#state === "over") throw this.#gone(asked);
    const number = this.#pending.next();
    const begin = performance.now();
    this.#send(Kind.call, number, [target, asked, ...args]);
    const answer = this.#pending.wait(number, asked, options, () => this.#send(Kind.cancel, number, []));
    this.#listenSoon(begin);
    try {
      return await answer;
    } catch (error) {
      throw error === options?.signal?.reason ? error : atCall(error, asked);
    }
  }

  callSync(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitSyncOptions): unknown {
    const timeout = timeoutOf(options);
    if (this.#state === "over") throw this.#gone(asked);
    const number = this.#pending.next();
    this.#send(Kind.call, number, [target, asked, ...args]);
    const outer = this.#awaited;
    const awaited: Awaited = this.#awaited = { number, answer: null, outer };
    const until = performance.now() + timeout;
    try {
      while (awaited.answer === null) {
        const left = timeout === Infinity ? Infinity : until - performance.now();
        if (left <= 0) {
          this.#send(Kind.cancel, number, []);
          this.#takeAll();
          throw late(asked, timeout);
        }
        if (!this.#take(this.#state === "greeting" ? Math.min(left, GREETING_LOOK) : left)) this.#look();
        if (this.isOver) throw this.#gone(asked);
      }
    } finally {
      this.#awaited = outer;
      if (this.#isListening && this.#pending.size === 0) this.#wakeListener(); // it has nothing to listen for any more
    }
    if ("error" in awaited.answer) throw atCall(awaited.answer.error, asked);
    return awaited.answer.value;
  }

  release(target: ObjectId): void {
    if (this.#state === "over" || this.#state === "silent") return; // the server sees by the object's block
    this.#send(Kind.release, 0, [target]);
  }

  /** Waits until the server has welcomed this client; whether it has, or has ended instead. */
  async welcomed(options: WaitOptions = {}): Promise<boolean> {
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    using _ = new Watch({ timeout: timeoutOf(options), signal: options.signal }, {
      late: () => reject(late("start", timeoutOf(options))),
      aborted: reject,
    });
    if (this.#state === "silent") this.#greet();
    while (this.#state === "greeting") {
      if (!this.#take(0)) await Promise.race([this.#listenOnce(GREETING_LOOK), promise]);
      this.#look();
    }
    return this.#state === "open";
  }

  /** As {@linkcode welcomed}, blocking the thread for up to `timeout` milliseconds. */
  welcomedSync(timeout: number): boolean {
    if (this.#state === "silent") this.#greet();
    if (this.#state === "greeting") this.#take(timeout);
    return this.#state === "open";
  }

  /** Begins to listen for answers once this thread has made all the calls that it is about to make. */
  #listenSoon(begin: number): void {
    if (this.#isListening) return;
    this.#isListening = true;
    queueMicrotask(() => void this.#listen(begin));
  }

  async #listen(begin: number): Promise<void> {
    let isFirst = true;
    try {
      const due = turnIfDue();
      if (due !== undefined) {
        await due;
        begin = performance.now();
      }
      if (this.#pending.size === 0) this.#takeAll(); // what came for calls that were given up
      while (this.#pending.size > 0 && !this.isOver) {
        if (this.#take(0) || this.#glance(begin)) continue;
        const asleep = performance.now();
        await this.#listenOnce(this.#state === "greeting" ? GREETING_LOOK : Infinity);
        this.#look();
        const awake = performance.now();
        this.#glances.waited(awake - (isFirst ? begin : asleep));
        isFirst = false;
        begin = awake;
      }
    } finally {
      this.#isListening = false;
    }
  }

  /** Looks out for the next answer, if that will come soon; whether it has come. */
  #glance(begin: number): boolean {
    if (performance.now() - begin > LONGEST_TURN) return false;
    const time = this.#glances.begin();
    const seen = time > 0 && this.#take(time);
    this.#glances.end(seen);
    return seen;
  }

  async #listenOnce(timeout: number): Promise<void> {
    const { signal } = this.#wake;
    if (timeout === Infinity) return await this.#answers.filled({ inBackground: false, signal }).catch(() => {});
    using end = new Timeout(timeout);
    await this.#answers.filled({ inBackground: false, signal: AbortSignal.any([signal, end.signal]) }).catch(() => {});
  }

  /** Whether the server can still answer: it may have been killed. What it has answered before is taken first. */
  #look(): void {
    const { token } = this.#gate.facts;
    const hasDied = this.#state === "greeting"
      ? token !== 0 && native().threadHasDied(token) === 1
      : this.#state === "open" && this.#answers.isAlone && !this.#take(0);
    if (hasDied) this.#end();
  }

  /** Takes the answers that there are, so that those which nobody waits for do not stay. */
  #takeAll(): void {
    while (!this.isOver && this.#take(0));
  }

  /** Takes one answer, waiting for it up to `timeout` milliseconds with the thread blocked; whether one came. */
  #take(timeout: number): boolean {
    if (this.#answers.isBusy && timeout === 0) return false;
    return this.#answers.amid(() => this.#receive(timeout));
  }

  #receive(timeout: number): boolean {
    const frame = this.#answers.receive(timeout);
    if (frame === null) return false;
    if (frame === ENDED) {
      this.#end();
      return true;
    }
    if (frame.kind === Kind.welcome) this.#open(frame);
    else if (frame.kind === Kind.result) this.#settle(frame);
    else this.#fail(frame);
    return true;
  }

  #open(frame: Frame): void {
    const [pid, name, token] = frame.read() as Welcome;
    this.#gate.facts = { pid, name, token };
    this.#number = frame.task;
    this.#requests.share();
    this.#answers.share();
    if (this.#state === "greeting") this.#state = "open";
    for (; this.#unrung > 0; this.#unrung--) this.#ring(Kind.ring);
  }

  #settle(frame: Frame): void {
    let value: unknown;
    try {
      [value] = passWithin(this.#gate, () => frame.read());
    } catch (error) {
      return this.#answer(frame.task, { error });
    }
    const { parcel } = frame;
    if (parcel === null) return this.#answer(frame.task, { value });
    if (this.#awaitedOf(frame.task) !== null) {
      parcel.advance(Infinity);
      return this.#answer(frame.task, { value });
    }
    parcel.whole().then(() => this.#answer(frame.task, { value }), (error) => this.#answer(frame.task, { error }));
  }

  #fail(frame: Frame): void {
    const failure = frame.read() as Failure;
    if (frame.task === 0) {
      this.#startFailure = { error: unpack(failure) };
      return this.#end();
    }
    if (this.#awaitedOf(frame.task) !== null) return this.#answer(frame.task, { error: unpack(failure) });
    unpackAll({ failures: [failure] }, ([error]) => this.#answer(frame.task, { error }));
  }

  #answer(number: number, answer: Answer): void {
    const awaited = this.#awaitedOf(number);
    if (awaited !== null) awaited.answer = answer;
    else this.#pending.settle(number, answer);
  }

  /** The call of a number, if a thread that is blocked waits for its answer. */
  #awaitedOf(number: number): Awaited | null {
    let it = this.#awaited;
    while (it !== null && it.number !== number) it = it.outer;
    return it;
  }

  #wakeListener(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** The server's process is known to have ended. */
  close(): void {
    if (!this.isOver) this.#end();
  }

  /** T2. */
  #end(): void {
    this.#state = "over";
    if (lines.get(this.#gate.bell.block) === this) lines.delete(this.#gate.bell.block);
    this.#requests.close();
    this.#answers.close();
    this.#wake.abort();
    this.#pending.fail((asked) => this.#gone(asked));
  }

  #gone(asked: string): EOFError {
    const code = native().ownerOf(this.#gate.facts.token)?.exitCode ?? null;
    const how = code === null || code === 0
      ? "has ended"
      : code < 0
      ? `was ended by ${exitText(code).slice(1)}`
      : `ended with exit code ${code}`;
    return new EOFError(`Cannot call "${asked}": the manager's server ${this.server} ${how}`);
  }
}

/** A signal that is aborted when its time has come, and holds no timer longer than needed. */
class Timeout implements Disposable {
  readonly #controller = new AbortController();
  readonly #watch: Watch;

  constructor(timeout: number) {
    const end = () => this.#controller.abort();
    this.#watch = new Watch({ timeout }, { late: end, aborted: end });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}
