// One relative as the server sees it: its two channels, and what is under way for it.

import { isThenable } from "../runtime/thenable.ts";
import { type Channel, ENDED } from "../queues/channel.ts";
import type { Frame } from "../queues/frame.ts";
import { pack } from "../pool/failures.ts";
import { tell } from "../runtime/uncaught.ts";
import { RemoteError } from "../errors.ts";
import { type Gate, passWithin } from "./gate.ts";
import { Kind, NO_TASK, type Request, type Welcome } from "./messages.ts";
import type { Caller } from "./objects.ts";

/** What a server does for its clients. */
export interface ClientEvents {
  /** A call: what it gives, or a promise of that. */
  request(caller: Caller, request: Request): unknown;
  /** The client has given up its last proxy of an object. */
  released(target: number): void;
  /** A call goes on in promises, or has come to its end. */
  begun(): void;
  ended(): void;
}

/** A client. */
export class ServerClient {
  readonly caller: Caller;
  readonly #gate: Gate;
  readonly #events: ClientEvents;
  readonly #requests: Channel;
  readonly #answers: Channel;
  readonly #ended = new AbortController();
  /** Calls whose answers are not wanted any more, of those under way. */
  readonly #underWay = new Map<number, { isCancelled: boolean; readonly controller: AbortController | null }>();
  /** Of the call that begins just now: cancels it, if that is of use for it. */
  #current: AbortController | null = null;

  constructor(
    events: ClientEvents,
    requests: Channel,
    answers: Channel,
    { name, isConfined, gate }: Pick<Caller, "name" | "isConfined"> & { readonly gate: Gate },
  ) {
    this.#gate = gate;
    this.#events = events;
    this.#requests = requests;
    this.#answers = answers;
    const ended = this.#ended.signal;
    const cancelled = () => AbortSignal.any([ended, (this.#current ??= new AbortController()).signal]);
    this.caller = {
      ...{ name, isConfined, isRelative: true, ended, logical: 0 },
      get cancelled() {
        return cancelled();
      },
    };
  }

  /** Tells it its number, and who the server is. */
  welcome(number: number, welcome: Welcome): void {
    this.#answers.send({ ...NO_TASK, kind: Kind.welcome, task: number }, welcome);
  }

  /** Whether a channel is one of this client's. */
  uses(channel: Channel): boolean {
    return channel.isSame(this.#requests) || channel.isSame(this.#answers);
  }

  /** Whether the client has ended: nobody else has its channels. */
  get isGone(): boolean {
    return this.#requests.isAlone || this.#answers.isAlone;
  }

  /** Takes one request, and does it. */
  serve(): void {
    let frame: ReturnType<Channel["receive"]>;
    try {
      frame = this.#requests.receive(0);
    } catch {
      return; // what it has put is no frame
    }
    if (frame === null || frame === ENDED) return;
    if (frame.kind === Kind.call) return this.#call(frame);
    try {
      const [target] = frame.read();
      if (frame.kind === Kind.release && typeof target === "number") this.#events.released(target);
      const call = this.#underWay.get(frame.task);
      if (frame.kind === Kind.cancel && call !== undefined) this.#cancel(call);
    } catch {
      // It says nothing that can be read: nobody waits for an answer.
    }
  }

  #call(frame: Frame): void {
    const { task } = frame;
    let request: unknown[];
    try {
      request = passWithin(this.#gate, () => frame.read());
    } catch (error) {
      return this.#fail(task, error);
    }
    this.#current = null;
    if (frame.parcel === null) return this.#do(task, request);
    this.#later(
      task,
      frame.parcel.whole().then(() => {
        this.#current = null; // of the call that began last
        return this.#result(request);
      }),
    );
  }

  #do(task: number, request: unknown[]): void {
    let result: unknown;
    try {
      result = this.#result(request);
    } catch (error) {
      return this.#fail(task, error);
    }
    if (isThenable(result)) this.#later(task, result);
    else this.#answer(task, result);
  }

  #result(request: unknown[]): unknown {
    const [target, asked] = request;
    if (typeof target !== "number" || typeof asked !== "string") {
      throw new RemoteError("Cannot call a manager: the request does not say what is to be called");
    }
    return this.#events.request(this.caller, request as Request);
  }

  #later(task: number, result: PromiseLike<unknown>): void {
    const call = { isCancelled: false, controller: this.#current };
    this.#underWay.set(task, call);
    this.#events.begun();
    const end = (answer: () => void) => {
      if (this.#underWay.get(task) === call) this.#underWay.delete(task);
      if (call.isCancelled) return;
      this.#events.ended();
      answer();
    };
    result.then((value) => end(() => this.#answer(task, value)), (error) => end(() => this.#fail(task, error)));
  }

  /** Nobody waits for a call any more, which may never come to its end. */
  #cancel(call: { isCancelled: boolean; readonly controller: AbortController | null }): void {
    if (call.isCancelled) return;
    call.isCancelled = true;
    this.#events.ended();
    call.controller?.abort();
  }

  #answer(task: number, value: unknown): void {
    try {
      passWithin(this.#gate, () => this.#answers.send({ ...NO_TASK, kind: Kind.result, task }, [value]));
    } catch (error) {
      this.#fail(task, error);
    }
  }

  #fail(task: number, error: unknown): void {
    try {
      this.#answers.send({ ...NO_TASK, kind: Kind.error, task }, pack(error));
    } catch (error) {
      tell(`A manager's server cannot answer ${this.caller.name}:`, error);
    }
  }

  /** It has ended, or the server does. */
  close(): void {
    this.#ended.abort();
    for (const call of this.#underWay.values()) this.#cancel(call);
    this.#requests.close();
    this.#answers.close();
  }
}
