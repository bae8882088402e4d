// The way of a server's own proxies to its objects: there is none. A proxy inside of an object, such as a list in a dict,
// is one of those; it becomes a client's when it is sent to one.

import { isThenable } from "../runtime/thenable.ts";
import type { WaitOptions } from "../waiting/options.ts";
import type { Line, ObjectId } from "./line.ts";
import type { ManagedObject } from "./objects.ts";
import { BaseProxy, insideOf } from "./proxy.ts";
import { InvalidStateError } from "../errors.ts";

/** Has an object of this server do something. */
export type Invoke = (target: ObjectId, asked: string, args: readonly unknown[]) => unknown;

/** The line of a proxy that is inside of its own server. */
export class LocalLine implements Line {
  readonly server: string;
  readonly object: ManagedObject;
  readonly #invoke: Invoke;
  readonly #released: (target: ObjectId) => void;

  constructor(object: ManagedObject, server: string, invoke: Invoke, released: (target: ObjectId) => void) {
    this.#released = released;
    this.object = object;
    this.server = server;
    this.#invoke = invoke;
  }

  async call(target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    return await this.#invoke(target, asked, args);
  }

  callSync(target: ObjectId, asked: string, args: readonly unknown[]): unknown {
    const result = this.#invoke(target, asked, args);
    if (!isThenable(result)) return result;
    throw new InvalidStateError(
      `Cannot call "${asked}" inside of the manager's server with its thread blocked: it takes its time; await it`,
    );
  }

  release(target: ObjectId): void {
    this.#released(target);
  }
}

/** The object that a proxy stands for, if it is one of a server of this thread. */
export function ownObject(value: unknown): ManagedObject | null {
  if (!(value instanceof BaseProxy)) return null;
  const { line } = value[insideOf]();
  return line instanceof LocalLine ? line.object : null;
}

/** What an argument stands for: the contents of an object of this server, if it is a proxy of one. */
export function contentsOf(value: unknown): unknown {
  const object = ownObject(value);
  return object === null ? value : object.referent;
}
