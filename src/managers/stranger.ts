// A client outside of the tree that speaks as this package does (outside_wire.ts): what is under way for it, and the objects
// that its connection keeps. Once the connection ends, it keeps nothing any more, and what waits for it gives up.
//
// Of calls that take their time, a client has so many under way at most.

import { isThenable } from "../runtime/thenable.ts";
import { RemoteError } from "../errors.ts";
import { pack } from "../pool/failures.ts";
import { isError } from "../runtime/stack.ts";
import { tell } from "../runtime/uncaught.ts";
import type { ObjectId } from "./line.ts";
import { ownObject } from "./local_line.ts";
import { Kind, type Request, SERVER_ID } from "./messages.ts";
import { noSuchObject, type ObjectTable } from "./object_table.ts";
import type { Caller, ManagedObject } from "./objects.ts";
import type { OutsidePassage } from "./outside.ts";
import { type Head, headOf, listOf, PROTOCOL, sendOutside, sizeOutside, TAKE, VERSION } from "./outside_wire.ts";
import { BaseProxy, insideOf, type Travelling } from "./proxy.ts";
import { namesToSend } from "./proxy_classes.ts";
import type { ClientEvents } from "./server_client.ts";
import type { Speaker, Visitor } from "./visitor.ts";

/** The most calls of one client that may be under way. */
const MOST_CALLS = 10_000;
/** The most callers that one client may have. */
const MOST_CALLERS = 10_000;

/** What a server does for clients outside of the tree. */
export interface StrangerEvents extends ClientEvents {
  /** One has spoken, and the thread was not blocked for it. */
  heard(): void;
}

/** A call under way. */
interface Call {
  isCancelled: boolean;
  /** Made when somebody asks for it. */
  cancelling: AbortController | null;
}

/** One of a client's callers. */
class StrangerCaller implements Caller {
  readonly name: string;
  readonly isRelative = false;
  readonly ended: AbortSignal;
  readonly logical: number;
  readonly sizeOf: (value: unknown) => number;
  /** The call that begins just now. */
  beginning: Call | null = null;

  constructor(name: string, ended: AbortSignal, logical: number, given: Given) {
    this.name = name;
    this.ended = ended;
    this.logical = logical;
    this.sizeOf = (value) => given.trying(() => sizeOutside([value], given));
  }

  get cancelled(): AbortSignal {
    if (this.beginning === null) return this.ended;
    this.beginning.cancelling ??= new AbortController();
    return AbortSignal.any([this.beginning.cancelling.signal, this.ended]);
  }
}

/** What the connection of a client keeps: how often each object was given to it. */
class Given implements OutsidePassage {
  readonly #table: ObjectTable;
  readonly #given = new Map<ObjectId, { readonly object: ManagedObject; count: number }>();
  /** Those in the message that is being written. */
  #inMessage: ObjectId[] = [];

  constructor(table: ObjectTable) {
    this.#table = table;
  }

  /** Describes an object to the client, which has it from now on. */
  reduce(proxy: Travelling): unknown {
    if (proxy instanceof BaseProxy && ownObject(proxy) === null) {
      throw new TypeError(
        `Cannot send ${proxy} to another program: its object is in another server, which that program cannot reach by it`,
      );
    }
    const { id, description } = proxy[insideOf]();
    this.add(id);
    this.#inMessage.push(id);
    return [id, description.typeid, namesToSend(description), description.isFrozen];
  }

  /** The object that the client names. */
  restore(data: unknown): BaseProxy {
    const object = this.get(data);
    return this.#table.proxyOf(object, object.handle.share());
  }

  /**
   * An object that the client has been given.
   *
   * @throws {RemoteError} If it is none of those.
   */
  get(id: unknown): ManagedObject {
    const given = this.#given.get(id as ObjectId);
    if (given === undefined) throw noSuchObject(id);
    return given.object;
  }

  /** Gives an object once more. */
  add(id: ObjectId): void {
    const known = this.#given.get(id);
    if (known !== undefined) return void known.count++;
    const object = this.#table.get(id);
    object.strangers++;
    this.#given.set(id, { object, count: 1 });
  }

  /** The client has given up so many of its proxies. */
  take(id: unknown, count: number): void {
    const known = this.#given.get(id as ObjectId);
    if (known === undefined) return;
    known.count -= count;
    if (known.count > 0) return;
    this.#given.delete(id as ObjectId);
    known.object.strangers--;
    this.#table.look(known.object.id);
  }

  /** Writes a message; what it would have given is not given if that fails. */
  writing<T>(write: () => T): T {
    this.#inMessage = [];
    try {
      return write();
    } catch (error) {
      for (const id of this.#inMessage) this.take(id, 1);
      throw error;
    }
  }

  /** Writes a message that is not sent. */
  trying<T>(write: () => T): T {
    this.#inMessage = [];
    try {
      return write();
    } finally {
      for (const id of this.#inMessage) this.take(id, 1);
    }
  }

  /** Gives up everything. */
  clear(): void {
    for (const { object } of this.#given.values()) {
      object.strangers--;
      this.#table.look(object.id);
    }
    this.#given.clear();
  }
}

/** What one client of this package's says. */
export class Stranger implements Speaker {
  readonly #visitor: Visitor;
  readonly #events: StrangerEvents;
  readonly #given: Given;
  readonly #callers = new Map<number, StrangerCaller>();
  readonly #underWay = new Map<number, Call>();

  constructor(visitor: Visitor, table: ObjectTable, events: StrangerEvents) {
    this.#visitor = visitor;
    this.#events = events;
    this.#given = new Given(table);
  }

  /** Tells it what this is. */
  welcome(): void {
    this.#send({ kind: Kind.welcome, number: 0, logical: 0 }, [PROTOCOL, VERSION]);
  }

  attend(bytes: Uint8Array): void {
    const head = headOf(bytes);
    if (head.kind === Kind.call) this.#call(head, bytes);
    else if (head.kind === Kind.cancel) this.#cancel(head.number);
    else if (head.kind === Kind.release) this.#release(bytes);
    else if (head.kind !== Kind.hello) this.#visitor.close();
  }

  #cancel(number: number): void {
    const call = this.#underWay.get(number);
    if (call === undefined || call.isCancelled) return;
    this.#giveUp(call);
    call.cancelling?.abort(new DOMException("The client does not wait for it any more", "AbortError"));
  }

  /** Nobody waits for a call any more, which may never come to its end. */
  #giveUp(call: Call): void {
    if (call.isCancelled) return;
    call.isCancelled = true;
    this.#events.ended();
  }

  #release(bytes: Uint8Array): void {
    const [target, count] = listOf(bytes, this.#given);
    if (typeof count === "number" && count >= 1) this.#given.take(target, count);
  }

  #call({ number, logical }: Head, bytes: Uint8Array): void {
    const call: Call = { isCancelled: false, cancelling: null };
    let result: unknown;
    try {
      if (this.#underWay.size >= MOST_CALLS || this.#underWay.has(number)) throw tooMany();
      result = this.#result(this.#callerOf(logical), call, listOf(bytes, this.#given));
    } catch (error) {
      return this.#fail(number, error);
    }
    if (isThenable(result)) this.#later(number, call, result);
    else this.#answer(number, result);
  }

  #callerOf(logical: number): StrangerCaller {
    const known = this.#callers.get(logical);
    if (known !== undefined) return known;
    if (this.#callers.size >= MOST_CALLERS) throw tooMany();
    const caller = new StrangerCaller(this.#visitor.name, this.#visitor.ended, logical, this.#given);
    this.#callers.set(logical, caller);
    return caller;
  }

  #result(caller: StrangerCaller, call: Call, request: unknown[]): unknown {
    const [target, asked, id] = request;
    if (typeof target !== "number" || typeof asked !== "string") {
      throw new RemoteError("Cannot call a manager: the request does not say what is to be called");
    }
    if (target === SERVER_ID && asked === TAKE) return this.#given.add(id as ObjectId);
    if (target !== SERVER_ID) this.#given.get(target);
    const outer = caller.beginning;
    caller.beginning = call;
    try {
      return this.#events.request(caller, request as Request);
    } finally {
      caller.beginning = outer;
    }
  }

  #later(number: number, call: Call, result: PromiseLike<unknown>): void {
    this.#underWay.set(number, call);
    this.#events.begun();
    const end = (answer: () => void) => {
      this.#underWay.delete(number);
      if (call.isCancelled) return;
      this.#events.ended();
      answer();
    };
    result.then((value) => end(() => this.#answer(number, value)), (error) => end(() => this.#fail(number, error)));
  }

  #answer(number: number, value: unknown): void {
    this.#send({ kind: Kind.result, number, logical: 0 }, [value]);
  }

  #fail(number: number, error: unknown): void {
    this.#send({ kind: Kind.error, number, logical: 0 }, pack(error));
  }

  #send(head: Head, list: readonly unknown[]): void {
    try {
      this.#visitor.send((connection) => this.#given.writing(() => sendOutside(connection, head, list, this.#given)));
    } catch (error) {
      if (head.kind === Kind.result && isOfValue(error)) return this.#fail(head.number, error);
      if (isOfValue(error)) tell(`A manager's server cannot answer the client "${this.#visitor.name}":`, error);
      this.#visitor.close();
    }
  }

  end(): void {
    for (const call of this.#underWay.values()) this.#giveUp(call);
    this.#given.clear();
  }
}

/** Whether a message could not be written for what is in it, and not for its connection. */
export function isOfValue(error: unknown): boolean {
  return !isError(error) || !Object.values(Deno.errors).some((Class) => error instanceof Class);
}

function tooMany(): RemoteError {
  return new RemoteError(
    `Cannot call a manager: this client has ${MOST_CALLS} calls under way, or one of the same number`,
  );
}
