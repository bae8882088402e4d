// One connection of a client in Python: a question to the server, or calls of objects.
//
// | state | a message is | goes on to |
// | --- | --- | --- |
// | asking | `(None, function, args, kwargs)` | calling, if the function is `accept_connection`; else its end |
// | calling | `(id, method, args, kwargs)` | calling |
//
// Requests are answered in their order, one after the other: those that come meanwhile wait, and when enough of them do,
// no more are read. So a call that waits holds up its own connection alone.
//
// An answer may name objects of which the client has no reference before it has read the answer. They are kept until the
// client speaks again, by which time it has counted them.

import { isThenable } from "../../runtime/thenable.ts";
import type { Connection } from "../../connection/connection.ts";
import { sendAtOnce } from "../../connection/connection.ts";
import { RemoteError } from "../../errors.ts";
import { ownObject } from "../../managers/local_line.ts";
import { GETVALUE as OUR_GETVALUE, TO_STRING } from "../../managers/names.ts";
import { Namespace } from "../../managers/namespace.ts";
import { Proxied } from "../../managers/object_table.ts";
import type { Caller, ManagedObject } from "../../managers/objects.ts";
import { BaseProxy, insideOf, SyncProxy } from "../../managers/proxy.ts";
import { isOfValue } from "../../managers/stranger.ts";
import { passed } from "../../managers/types/contents.ts";
import type { Speaker, Visitor } from "../../managers/visitor.ts";
import { entriesOf } from "../../pickle/dicts.ts";
import { dumpWith } from "../../pickle/dumps.ts";
import { loadWith } from "../../pickle/loads.ts";
import { PythonName, PythonObject } from "../../pickle/python_object.ts";
import type { Call as Reduction } from "../../pickle/reduction.ts";
import { tuple, tupleOf } from "../../pickle/tuple.ts";
import { EXCEPTIONS, reducedException } from "../exceptions.ts";
import { reducedProxy, reducedToken, type SaidProxy, tablesOf, Token } from "../token.ts";
import { Asked, GETVALUE, Kind, MANAGERS, REPR } from "../wire.ts";
import type { Call } from "./call.ts";
import type { Hold } from "./holds.ts";
import { raised } from "./raised.ts";
import { type Serving, shown } from "./serving.ts";
import { KEEP } from "./travel.ts";
import { classNameOf, exposedOf, methodOf } from "./types/table.ts";
import { reprOf } from "./words.ts";

/** So many requests, or so many bytes of them, wait for their turn. */
const MOST_WAITING = 1000;
const MOST_BYTES = 1024 * 1024;
/** The most characters of a client's name. */
const LONGEST_NAME = 100;

/** An answer: its kind, and what it says. */
type Answer = readonly [kind: string, value: unknown];

/** What a message asks for. */
interface Asking {
  readonly target: unknown;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly named: ReadonlyMap<string, unknown>;
}

/** Who calls by a connection. */
class ConnectionCaller implements Caller {
  readonly isRelative = false;
  readonly logical = 0;
  readonly ended: AbortSignal;
  name: string;

  constructor({ name, ended }: Visitor) {
    this.name = name;
    this.ended = ended;
  }

  /** A call of Python's is given up with its connection only. */
  get cancelled(): AbortSignal {
    return this.ended;
  }

  sizeOf(): number {
    return 0;
  }
}

/** One connection of a client in Python. */
export class PythonClient implements Speaker {
  readonly #serving: Serving;
  readonly #visitor: Visitor;
  readonly #caller: ConnectionCaller;
  readonly #tables: readonly ReadonlyMap<string, never>[];
  #isAsking = true;
  #isBusy = false;
  /** Whether the server knows that this needs the event loop. */
  #isUnderWay = false;
  readonly #waiting: Uint8Array[] = [];
  #bytesWaiting = 0;
  #roomForMore: (() => void) | null = null;
  /** Of the objects that the last answer names. */
  #holds: Hold[] = [];
  /** Proxies that the message has which is being read. */
  #arrived = new Map<number, BaseProxy>();

  constructor(serving: Serving, visitor: Visitor) {
    this.#serving = serving;
    this.#visitor = visitor;
    this.#caller = new ConnectionCaller(visitor);
    this.#tables = [tablesOf((said) => this.#proxyOf(said)), EXCEPTIONS] as never;
  }

  attend(bytes: Uint8Array): void {
    if (!this.#isBusy) return this.#do(bytes);
    this.#waiting.push(bytes);
    this.#bytesWaiting += bytes.length;
    if (this.#roomForMore !== null || this.#waiting.length < MOST_WAITING && this.#bytesWaiting < MOST_BYTES) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#roomForMore = resolve;
    void this.#visitor.pauseFor(promise);
  }

  end(): void {
    this.#release();
    this.#waiting.length = 0;
    this.#roomForMore?.();
    this.#settle();
  }

  /** Does one request; its answer may come later. */
  #do(bytes: Uint8Array): void {
    this.#release();
    this.#arrived = new Map();
    let answer: Answer | Promise<Answer>;
    try {
      const asking = this.#read(bytes);
      answer = this.#isAsking ? this.#question(asking) : this.#call(asking);
    } catch (error) {
      answer = traceback(error);
    }
    const arrived = this.#arrived;
    if (arrived.size > 0) this.#arrived = new Map();
    if (!(answer instanceof Promise)) return this.#conclude(answer, arrived);
    this.#isBusy = true;
    if (!this.#isUnderWay) this.#serving.host.begun();
    this.#isUnderWay = true;
    answer.catch(traceback).then((answer) => {
      this.#isBusy = false;
      this.#settle();
      if (this.#visitor.isOver) return passed([...arrived.values()]);
      this.#conclude(answer, arrived);
      this.#next();
    });
  }

  /** Nothing of this needs the event loop any more. */
  #settle(): void {
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    this.#serving.host.ended();
  }

  /** Does what has waited for its turn. */
  #next(): void {
    while (!this.#isBusy && this.#waiting.length > 0 && !this.#visitor.isOver) {
      const bytes = this.#waiting.shift()!;
      this.#bytesWaiting -= bytes.length;
      this.#do(bytes);
    }
    if (this.#waiting.length > 0 || this.#roomForMore === null) return;
    this.#roomForMore();
    this.#roomForMore = null;
  }

  #conclude(answer: Answer, arrived: ReadonlyMap<number, BaseProxy>): void {
    this.#send(answer);
    if (arrived.size > 0) passed([...arrived.values()]);
    if (this.#isAsking) this.#visitor.close();
  }

  /** The client has counted the objects that the last answer has named. */
  #release(): void {
    if (this.#holds.length === 0) return;
    for (const hold of this.#holds) this.#serving.holds.end(hold);
    this.#holds = [];
  }

  #read(bytes: Uint8Array): Asking {
    const parts = loadWith(bytes, KEEP, this.#tables);
    const [target, method, args, kwargs] = Array.isArray(parts) && parts.length === 4 ? parts : [];
    const named = entriesOf(kwargs);
    const isSound = typeof method === "string" && Array.isArray(args) && named !== null &&
      named.every(([name]) => typeof name === "string");
    if (!isSound) throw raised("ValueError", "a request must be (id, name, args, kwargs)");
    return { target, method, args, named: new Map(named as [string, unknown][]) };
  }

  /** An object of this server becomes a proxy of it; one of another server stays what the message says. */
  #proxyOf(said: SaidProxy): unknown {
    const object = this.#serving.find(said.token.id);
    if (object === undefined || object.type.typeid !== said.token.typeid) {
      const { name, args, ...parts } = reducedProxy(said);
      return new PythonObject(name, args, parts);
    }
    const known = this.#arrived.get(object.id);
    if (known !== undefined) return known;
    const proxy = this.#serving.host.table.proxyOf(object, object.handle.share());
    this.#arrived.set(object.id, proxy);
    return proxy;
  }

  /** Asks the server itself. */
  #question({ method, args, named }: Asking): Answer | Promise<Answer> {
    if (method === Asked.accept) {
      this.#accept(args);
      return [Kind.result, null];
    }
    const answer = this.#serving.answer({ method, args, named, visitor: this.#visitor, caller: this.#caller });
    return isThenable(answer) ? Promise.resolve(answer).then((value) => [Kind.result, value]) : [Kind.result, answer];
  }

  #accept([name]: readonly unknown[]): void {
    const { pid } = this.#visitor;
    const said = typeof name === "string" ? name.slice(0, LONGEST_NAME) : "a client";
    this.#caller.name = `${said} in Python, ${pid > 0 ? `process ${pid}` : this.#visitor.name}`;
    this.#isAsking = false;
  }

  /** Calls a method of an object. */
  #call({ target, method, args, named }: Asking): Answer | Promise<Answer> {
    const object = this.#serving.find(target);
    if (object === undefined) return traceback(raised("KeyError", target));
    const act = methodOf(object, method);
    if (act === undefined) return this.#withoutMethod(object, method);
    const caller = this.#caller;
    const ask = (asked: string, ...given: readonly unknown[]) =>
      this.#serving.host.request(caller, [object.id, asked, ...given]);
    this.#serving.host.called();
    const call: Call = { object, method, args, named, caller, ask };
    try {
      const result = act(call);
      if (!isThenable(result)) return this.#result(result);
      return Promise.resolve(result).then((value) => this.#result(value), failed);
    } catch (error) {
      return failed(error);
    }
  }

  /** Past what the object exposes. */
  #withoutMethod(object: ManagedObject, method: string): Answer | Promise<Answer> {
    const ask = (asked: string) => this.#serving.host.request(this.#caller, [object.id, asked]);
    const later = (value: unknown, make: (value: unknown) => unknown): Answer | Promise<Answer> =>
      isThenable(value)
        ? Promise.resolve(value).then((it): Answer => [Kind.result, make(it)], failed)
        : [Kind.result, make(value)];
    try {
      if (method === GETVALUE) return later(ask(OUR_GETVALUE), (value) => value);
      if (method === REPR || method === "__str__") {
        return object.type.isUsers === true ? later(ask(TO_STRING), String) : [Kind.result, shown(object)];
      }
    } catch (error) {
      return failed(error);
    }
    const { typeid } = object.type;
    const names = exposedOf(object).map((name) => reprOf(name)).join(", ");
    return traceback(
      raised("AttributeError", `method ${reprOf(method)} of ${reprOf(typeid)} object is not in exposed=[${names}]`),
    );
  }

  #result(value: unknown): Answer {
    if (!(value instanceof Proxied)) return [Kind.result, value];
    const { object } = value;
    if (!this.#visitor.isOver) this.#serving.references.add(this.#visitor.pid, object);
    return [Kind.proxy, tuple(tupleOf(exposedOf(object)), this.#serving.tokenOf(object))];
  }

  #send(answer: Answer): void {
    let bytes: Uint8Array;
    try {
      bytes = this.#written(answer);
    } catch (error) {
      this.#release();
      bytes = this.#written([Kind.unserializable, textOf(error)]);
    }
    try {
      this.#visitor.send((connection: Connection) => connection[sendAtOnce](bytes));
    } catch (error) {
      this.#visitor.close();
      if (isOfValue(error)) throw error;
    }
  }

  #written([kind, value]: Answer): Uint8Array {
    return dumpWith(tuple(kind, value), (instance) => this.#reduced(instance));
  }

  /** What a pickle says of what has another form in Python. */
  #reduced(instance: object): Reduction | undefined {
    if (instance instanceof BaseProxy) return this.#reducedProxy(instance);
    if (instance instanceof SyncProxy) return this.#reducedProxy(instance[insideOf]());
    if (instance instanceof Token) return reducedToken(instance);
    if (instance instanceof Namespace) {
      return { name: NAMESPACE, args: [], isCalled: false, state: new Map(Object.entries(instance)) };
    }
    return reducedException(instance);
  }

  #reducedProxy(proxy: BaseProxy): Reduction {
    const object = ownObject(proxy);
    if (object === null) throw new TypeError(`Cannot send ${proxy} to a program in Python: it is of another server`);
    this.#holds.push(this.#serving.holds.begin(this.#visitor.pid, object));
    return reducedProxy({
      token: this.#serving.tokenOf(object),
      className: classNameOf(object),
      exposed: exposedOf(object),
    });
  }
}

const NAMESPACE = new PythonName(MANAGERS, "Namespace");

/** What a method has thrown. */
function failed(error: unknown): Answer {
  if (error instanceof RemoteError && !("type" in error)) return traceback(error);
  return [Kind.error, error instanceof Error ? error : new Error(textOf(error))];
}

/** What went wrong besides. */
function traceback(error: unknown): Answer {
  return [Kind.traceback, `${textOf(error)}\n`];
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { type, args } = error as { type?: unknown; args?: unknown };
  if (typeof type === "string" && Array.isArray(args)) return `${type}: ${args.map((arg) => reprOf(arg)).join(", ")}`;
  return typeof error.stack === "string" ? error.stack : String(error);
}
