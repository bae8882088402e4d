// The objects of one server, by their ids, and what becomes of calls to them.

import { InvalidStateError, RemoteError } from "../errors.ts";
import { registerAlias } from "../reduction/registry.ts";
import type { BlockHandle } from "../addon/handles.ts";
import { isThenable } from "./iteration.ts";
import type { Gate } from "./gate.ts";
import type { ObjectId } from "./line.ts";
import { LocalLine, ownObject } from "./local_line.ts";
import { type Caller, ManagedObject, type ServedType } from "./objects.ts";
import { type BaseProxy, insideOf, proxyClassOf, type ProxyInside } from "./proxy.ts";
import { isIterator, ServedIterator } from "./served_iterator.ts";

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
    throw new RemoteError(
      `Cannot find object 0x${
        Number(id).toString(16)
      }: there is no such object in this server; it was dropped, or the ` +
        "proxy is of a server that ended before this one began",
    );
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
    const made = make(type, args);
    const adopt = (value: unknown) =>
      type.make !== null && type.isClass !== true && isIterator(value)
        ? this.#adopt(ITERATOR, new ServedIterator(value), isFrozen)
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
    const result = object.act(asked, args, caller);
    if (isThenable(result)) return Promise.resolve(result).then((value) => this.#sendable(object, asked, value));
    return this.#sendable(object, asked, result);
  }

  #sendable({ type }: ManagedObject, asked: string, result: unknown): unknown {
    const typeid = Object.hasOwn(type.methodToTypeid, asked) ? type.methodToTypeid[asked] : undefined;
    if (typeid !== undefined && result !== null && result !== undefined) return this.create(typeid, [result]);
    return isIterator(result) ? this.#adopt(ITERATOR, new ServedIterator(result), false) : result;
  }

  /** A proxy of an object for who is in the server itself. */
  proxyOf(object: ManagedObject, handle: BlockHandle): BaseProxy {
    const invoke = (target: ObjectId, asked: string, args: readonly unknown[]) => {
      const result = this.invoke(INSIDE, target, asked, args);
      const local = (value: unknown) =>
        value instanceof Proxied ? this.proxyOf(value.object, value.object.handle.share()) : value;
      return isThenable(result) ? Promise.resolve(result).then(local) : local(result);
    };
    const { id, description } = object;
    const line = new LocalLine(object, "itself", invoke);
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

function make(type: ServedType, args: readonly unknown[]): unknown {
  if (type.make !== null) return type.make(...(type.keepsProxies ? args : args.map(unwrapped)) as never[]);
  if (args.length === 1) return unwrapped(args[0]);
  throw new InvalidStateError(
    `Cannot create a "${type.typeid}": it was registered without a callable, so its only argument is the object itself; ` +
      `${args.length} were given`,
  );
}

function unwrapped(arg: unknown): unknown {
  const object = ownObject(arg);
  return object === null ? arg : object.value;
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
