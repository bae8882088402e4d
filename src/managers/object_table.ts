// The objects of one server, by their ids, and what becomes of calls to them.

import { endingWith, isThenable } from "../runtime/thenable.ts";
import { InvalidStateError, RemoteError } from "../errors.ts";
import { printed } from "../pool/failures.ts";
import { registerAlias } from "../reduction/registry.ts";
import { dumps, loads } from "../reduction/serialise.ts";
import type { BlockHandle } from "../addon/handles.ts";
import type { Gate } from "./gate.ts";
import type { ObjectId } from "./line.ts";
import { contentsOf, LocalLine } from "./local_line.ts";
import { type Caller, ManagedObject, type ServedType } from "./objects.ts";
import { BaseProxy, insideOf, type ProxyInside } from "./proxy.ts";
import { proxyClassOf } from "./proxy_classes.ts";
import { isIterator, ServedIterator } from "./served_iterator.ts";
import { letGo, noteLocalProxy, passed } from "./types/contents.ts";

/** An object that is to arrive as a proxy of it. */
export class Proxied {
  static {
    registerAlias(Proxied, "multiprocessing.managers.Proxy");
  }

  readonly object: ManagedObject;
  readonly gate: Gate;

  constructor(object: ManagedObject, gate: Gate) {
    this.object = object;
    this.gate = gate;
  }

  /** As of the proxy that it becomes. */
  [insideOf](): Omit<ProxyInside, "line"> {
    const { id, description, handle } = this.object;
    return { id, description, gate: this.gate, handle, isClosed: false };
  }
}

/** The objects of a server. */
export class ObjectTable {
  readonly #gate: Gate;
  readonly #types: ReadonlyMap<string, ServedType>;
  readonly #objects = new Map<ObjectId, ManagedObject>();
  /** So that what gives the same object again gives the same id. */
  readonly #ids = new WeakMap<object, ManagedObject>();

  constructor(gate: Gate, types: ReadonlyMap<string, ServedType>) {
    this.#gate = gate;
    this.#types = types;
  }

  get size(): number {
    return this.#objects.size;
  }

  /** What there is, an entry for each object. */
  [Symbol.iterator](): MapIterator<ManagedObject> {
    return this.#objects.values();
  }

  /**
   * The object of an id.
   *
   * @throws {RemoteError} If there is none.
   */
  get(id: ObjectId): ManagedObject {
    const object = this.#objects.get(id);
    if (object !== undefined) return object;
    throw noSuchObject(id);
  }

  /** The type of that name; `undefined` if there is none. */
  typeOf(typeid: string): ServedType | undefined {
    return this.#types.get(typeid);
  }

  /** Makes an object of a type; in a promise if what makes it gives one. */
  create(typeid: string, args: readonly unknown[], isFrozen = false): Proxied | Promise<Proxied> {
    const type = this.#types.get(typeid);
    if (type === undefined) {
      throw new RemoteError(
        `Cannot create a "${typeid}": no such type was registered when the server was started, but ` +
          [...this.#types.keys()].join(", "),
      );
    }
    const made = passing(type, args, () => make(type, args), type.isClass !== true);
    const adopt = (value: unknown) =>
      type.make !== null && type.isClass !== true && isIterator(value)
        ? this.#adopt(ITERATOR, new ServedIterator(value, null), isFrozen)
        : this.#adopt(type, value, isFrozen);
    return type.isClass !== true && isThenable(made) ? Promise.resolve(made).then(adopt) : adopt(made);
  }

  /** The object for a value, a new one unless it is known. */
  #adopt(type: ServedType, value: unknown, isFrozen: boolean): Proxied {
    const key = typeof value === "object" && value !== null || typeof value === "function" ? value : null;
    const known = key === null ? undefined : this.#ids.get(key);
    if (known !== undefined && known.type === type && this.#objects.has(known.id)) {
      return new Proxied(known, this.#gate);
    }
    const object = new ManagedObject(type, value, isFrozen);
    this.#objects.set(object.id, object);
    if (key !== null) this.#ids.set(key, object);
    return new Proxied(object, this.#gate);
  }

  /** Has an object do something: the result as it is to be sent, or a promise of that. */
  invoke(caller: Caller, target: ObjectId, asked: string, args: readonly unknown[]): unknown {
    const object = this.get(target);
    const result = passing(object.type, args, () => object.act(asked, args, caller));
    if (isThenable(result)) return Promise.resolve(result).then((value) => this.#sendable(object, asked, value));
    return this.#sendable(object, asked, result);
  }

  #sendable(object: ManagedObject, asked: string, result: unknown): unknown {
    const { type } = object;
    const typeid = Object.hasOwn(type.methodToTypeid, asked) ? type.methodToTypeid[asked] : undefined;
    if (typeid !== undefined && result !== null && result !== undefined) return this.create(typeid, [result]);
    if (!isIterator(result)) return result;
    return this.#adopt(ITERATOR, new ServedIterator(result, object.handle.share()), object.description.isFrozen);
  }

  /** A proxy of an object for who is in the server itself. What goes in and out of a container is copied, as ever. */
  proxyOf(object: ManagedObject, handle: BlockHandle): BaseProxy {
    noteLocalProxy();
    const copy = object.type.keepsProxies ? copied : <T>(value: T) => value;
    const local = (value: unknown) =>
      value instanceof Proxied ? this.proxyOf(value.object, value.object.handle.share()) : copy(value);
    const invoke = (target: ObjectId, asked: string, args: readonly unknown[]) => {
      const result = this.invoke(INSIDE, target, asked, copy(args));
      return isThenable(result) ? Promise.resolve(result).then(local) : local(result);
    };
    const { id, description } = object;
    const line = new LocalLine(object, "itself", invoke, (target) => this.look(target));
    return new (proxyClassOf(description, this.#gate))({
      id,
      description,
      line,
      gate: this.#gate,
      handle,
      isClosed: false,
    });
  }

  /** Drops an object, if nobody wants it any more. */
  look(id: ObjectId): void {
    const object = this.#objects.get(id);
    if (object !== undefined && object.isForgotten) this.#drop(object);
  }

  /** Drops all objects that nobody wants any more; and those that only these had. */
  sweep(): void {
    for (const object of [...this.#objects.values()]) if (object.isForgotten) this.#drop(object);
    letGo();
  }

  #drop(object: ManagedObject): void {
    this.#objects.delete(object.id);
    object.drop();
  }

  /** The server ends. */
  close(): void {
    for (const object of [...this.#objects.values()]) this.#drop(object);
  }
}

/** Does something with arguments that came in a message, and lets go of proxies among them that were not stored. */
function passing(type: ServedType, args: readonly unknown[], act: () => unknown, mayTakeTime = true): unknown {
  // What does not keep proxies has been given what they stand for; but those further inside are the user's.
  const end = () => passed(type.keepsProxies ? args : args.filter((arg) => arg instanceof BaseProxy));
  if (mayTakeTime) return endingWith(end, act);
  try {
    return act();
  } finally {
    end();
  }
}

/** The error for an id of which there is no object, or none for who asks. */
export function noSuchObject(id: unknown): RemoteError {
  const shown = typeof id === "number" ? `0x${id.toString(16)}` : printed(id);
  return new RemoteError(
    `Cannot find object ${shown}: there is no such object in this server; it was dropped, or the proxy is of a server ` +
      "that ended before this one began",
  );
}

function make(type: ServedType, args: readonly unknown[]): unknown {
  if (type.make !== null) return type.make(...(type.keepsProxies ? args : args.map(contentsOf)) as never[]);
  if (args.length === 1) return contentsOf(args[0]);
  throw new InvalidStateError(
    `Cannot create a "${type.typeid}": it was registered without a callable, so its only argument is the object itself; ` +
      `${args.length} were given`,
  );
}

/** The same, as it would arrive in another process. */
function copied<T>(value: T): T {
  return typeof value === "object" && value !== null ? loads(dumps(value).bytes) as T : value;
}

/** Who calls from inside of the server. */
const NEVER = new AbortController().signal;
const INSIDE: Caller = { name: "the server itself", isRelative: true, ended: NEVER, cancelled: NEVER, logical: 0 };

/** The type of iterations. */
export const ITERATOR: ServedType = {
  typeid: "Iterator",
  make: null,
  exposed: null,
  methodToTypeid: {},
  concurrency: Infinity,
  keepsProxies: true,
  isDirect: false,
  drop: (value: ServedIterator) => value.end(),
};
