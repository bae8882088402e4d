// What one server does for Python's clients: what they ask of the server itself, and what is common to their connections.

import { isThenable } from "../../runtime/thenable.ts";
import { BUILT_IN } from "../../managers/built_in.ts";
import type { Proxied } from "../../managers/object_table.ts";
import type { Caller, ManagedObject } from "../../managers/objects.ts";
import { SERVER_ID } from "../../managers/messages.ts";
import type { PythonHost, PythonServing } from "../../managers/python_form.ts";
import type { Speaker, Visitor } from "../../managers/visitor.ts";
import { tuple, tupleOf } from "../../pickle/tuple.ts";
import { type PythonAddress, Token } from "../token.ts";
import { Asked } from "../wire.ts";
import { Blocks } from "./blocks.ts";
import { argumentsOf, type Given } from "./call.ts";
import { PythonClient } from "./client.ts";
import { Holds } from "./holds.ts";
import { raised } from "./raised.ts";
import { References } from "./references.ts";
import { forClients, serveHere } from "./travel.ts";
import { creationOf, exposedOf, fill } from "./types/table.ts";
import { reprOf } from "./words.ts";

/** The most characters of an object in `debug_info`, as in CPython. */
const LONGEST = 75;

/** What a client asks of the server itself. */
export interface Question extends Given {
  readonly visitor: Visitor;
  readonly caller: Caller;
}

/** Serves Python's clients of one server. */
export class Serving implements PythonServing {
  readonly host: PythonHost;
  readonly references: References;
  readonly holds: Holds;
  readonly #blocks = new Blocks();
  readonly #functions: ReadonlyMap<string, (question: Question) => unknown> = new Map<
    string,
    (question: Question) => unknown
  >([
    [Asked.dummy, () => null],
    [Asked.create, (question) => this.#create(question)],
    [Asked.incref, (question) => this.#counted(question)],
    [Asked.decref, (question) => this.references.take(question.visitor.pid, this.#objectIn(question).id)],
    [Asked.methods, (question) => this.#methods(question)],
    [Asked.count, () => this.#count()],
    [Asked.debugInfo, () => this.#debugInfo()],
    [Asked.shutdown, () => this.host.stop()],
    [Asked.track, (question) => this.#blocks.track(this.#only(question, "segment_name"))],
    [Asked.release, (question) => this.#blocks.release(this.#only(question, "segment_name"))],
    [Asked.segments, () => this.#blocks.names()],
  ]);

  constructor(host: PythonHost) {
    this.host = host;
    this.references = new References(host.table);
    this.holds = new Holds(host.table);
    serveHere();
  }

  forClients(value: unknown): unknown {
    return forClients(value);
  }

  speaker(visitor: Visitor): Speaker {
    return new PythonClient(this, visitor);
  }

  /**
   * Does what a client asks of the server itself, now or in a promise.
   *
   * @throws An AttributeError of Python's if there is no such function.
   */
  answer(question: Question): unknown {
    const act = this.#functions.get(question.method);
    if (act === undefined) throw raised("AssertionError", `${reprOf(question.method)} unrecognized`);
    return act(question);
  }

  /**
   * The object of an id as Python's clients have it; `undefined` if there is none.
   */
  find(id: unknown): ManagedObject | undefined {
    if (typeof id !== "string" || !/^[0-9a-f]{1,14}$/.test(id)) return undefined;
    try {
      return this.host.table.get(Number.parseInt(id, 16));
    } catch {
      return undefined;
    }
  }

  /** Names an object to a client. */
  tokenOf({ id, type: { typeid } }: ManagedObject): Token {
    return new Token(typeid, this.host.address as PythonAddress, idOf(id));
  }

  #counted(question: Question): void {
    const { pid } = question.visitor;
    const object = this.#objectIn(question);
    this.references.add(pid, object);
    this.holds.counted(pid, object);
  }

  #only(question: Question, name: string): unknown {
    return argumentsOf(question, [name], 1)[0];
  }

  #objectIn(question: Question): ManagedObject {
    const id = this.#only(question, "ident");
    const object = this.find(id);
    if (object !== undefined) return object;
    throw raised("KeyError", id);
  }

  #create({ method, args: [typeid, ...args], named, visitor, caller }: Question): unknown {
    const creation = { method, args, named };
    if (typeof typeid !== "string") throw raised("TypeError", "the name of a type must be a string");
    const { table } = this.host;
    const given = creationOf(table.typeOf(typeid), creation);
    const { pid } = visitor; // the client may have gone when the object is there
    const made = this.host.request(caller, [SERVER_ID, "create", typeid, given]);
    const give = (result: unknown) => {
      const { object } = result as Proxied;
      this.references.add(pid, object);
      try {
        fill(object, creation);
      } catch (error) {
        this.references.take(pid, object.id);
        throw error;
      }
      return tuple(idOf(object.id), tupleOf(exposedOf(object)));
    };
    return isThenable(made) ? Promise.resolve(made).then(give) : give(made);
  }

  #methods(question: Question): unknown {
    const token = this.#only(question, "token");
    const object = token instanceof Token ? this.find(token.id) : undefined;
    if (object === undefined) throw raised("KeyError", token instanceof Token ? token.id : null);
    return tupleOf(exposedOf(object));
  }

  #count(): number {
    this.host.sweep();
    return this.host.table.size;
  }

  #debugInfo(): string {
    this.host.sweep();
    const lines = [...this.host.table].map((object) => {
      const count = Math.max(1, this.references.count(object.id));
      return `  ${idOf(object.id)}:       refcount=${count}\n    ${shown(object).slice(0, LONGEST)}`;
    });
    return lines.sort().join("\n");
  }

  sweep(): void {
    this.references.sweep();
    this.holds.sweep();
  }

  close(): void {
    this.#blocks.close();
  }
}

function idOf(id: number): string {
  return id.toString(16);
}

/** An object as Python would write it. */
export function shown(object: ManagedObject): string {
  const isPlain = BUILT_IN.get(object.type.typeid) === object.type && object.type.copy !== undefined;
  if (!isPlain) return `<${object.type.typeid} object>`;
  try {
    return reprOf(object.type.copy!(object.value as never));
  } catch {
    return `<${object.type.typeid} object>`;
  }
}
