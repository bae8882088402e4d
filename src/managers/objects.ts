// The objects of a server: by whom they are wanted, and what may be done with them.
//
// Each has a block of shared memory. A relative's proxy has a handle of it, a message under way holds it, and so does each
// proxy inside of another object of the server. Once nobody but the table has the block, and no stranger has been given
// the object, it is dropped.

import { endingWith, isThenable } from "../runtime/thenable.ts";
import { BlockHandle } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { Kind as BlockKind } from "../addon/numbers.ts";
import type { FunctionReference } from "../callable/types.ts";
import { RemoteError } from "../errors.ts";
import { printed } from "../pool/failures.ts";
import { randomNumber } from "./gate.ts";
import type { ObjectId } from "./line.ts";
import { contentsOf } from "./local_line.ts";
import { allows, bare, type Exposed, GETVALUE, INNER, listedNames, publicNames, TO_STRING } from "./names.ts";
import type { Description } from "./proxy.ts";
import { exposedByBuiltIn } from "./proxy_classes.ts";

/** What makes and describes the objects of a type, in the server. */
export interface ServedType {
  readonly typeid: string;
  /** Makes an object; `null` if the type's only argument is the object itself. */
  readonly make: ((...args: never[]) => unknown) | null;
  /** Whether `make` constructs: what it gives is the object, also if that has a method `then`. */
  readonly isClass?: boolean;
  readonly exposed: readonly string[] | null;
  readonly methodToTypeid: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** Which module exports the user's own class of proxies. */
  readonly proxytype?: FunctionReference | null;
  /**
   * Whether proxies among the arguments of its methods stay what they are, since they are to be stored. Otherwise a proxy
   * of an object of this server is that object itself.
   */
  readonly keepsProxies: boolean;
  /** Whether relatives use the object itself, in shared memory. */
  readonly isDirect: boolean;
  /** What a stranger uses in its place, such as a lock that knows which stranger has it. */
  readonly forStranger?: (value: never, caller: Caller) => object;
  /** What each client uses in its place. */
  readonly forCaller?: (value: never, caller: Caller) => object;
  /** Whether the user has registered it, maybe by the name of one of the package's own. */
  readonly isUsers?: boolean;
  /** Whether only relatives may create objects of the type. */
  readonly isForRelatives?: boolean;
  /** What methods of other objects get for a proxy of one of these. Default: the object itself. */
  readonly referent?: (value: never) => unknown;
  /** The copy of the whole object that `getvalue` gives. Default: the object, as a message has it. */
  readonly copy?: (value: never) => unknown;
  /** Ends what an object holds when it is dropped. */
  readonly drop?: (value: never) => void;
}

/** Who calls: one client. */
export interface Caller {
  /** For messages. */
  readonly name: string;
  /** A relative uses shared objects directly; a stranger has the server do it. */
  readonly isRelative: boolean;
  /** Whether it may only use objects that it has proxies of: create none, and not end the server. */
  readonly isConfined?: boolean;
  /** Aborted when the client has ended. */
  readonly ended: AbortSignal;
  /**
   * Aborted when the call that begins just now is not wanted any more, or its client has ended: to be read before anything
   * is awaited. What waits for something on behalf of a stranger gives up by it, and takes nothing.
   */
  readonly cancelled: AbortSignal;
  /** Of strangers: which of the client's callers it is. */
  readonly logical: number;
  /** Of strangers: how many bytes a value takes in an answer. Throws if it cannot be sent to the client. */
  readonly sizeOf?: (value: unknown) => number;
}

/** The names that objects of a type answer to. */
interface Names {
  readonly all: Exposed;
  readonly allowed: ReadonlySet<string>;
}

/** Of the package's own types, whose objects all have the same. */
const ofBuiltIn = new WeakMap<ServedType, Names>();

function namesOf(type: ServedType, value: unknown): Names {
  const before = ofBuiltIn.get(type);
  if (before !== undefined) return before;
  const own = type.isUsers === true ? undefined : exposedByBuiltIn(type.typeid);
  const exposed = own ??
    (type.exposed === null ? publicNames(Object(value)) : listedNames(Object(value), type.exposed));
  const all = own ?? [...new Set([...exposed, ...Object.keys(type.methodToTypeid)])];
  const names = { all, allowed: new Set(all) };
  if (own !== undefined) ofBuiltIn.set(type, names);
  return names;
}

/** An object of a server. */
export class ManagedObject {
  readonly id: ObjectId = randomNumber();
  readonly handle: BlockHandle = BlockHandle.create(BlockKind.bytes, 1);
  readonly type: ServedType;
  readonly value: unknown;
  readonly description: Description;
  /** How many connections of strangers have been given it. */
  strangers = 0;
  readonly #allowed: ReadonlySet<string>;
  /** The calls under way, and those that wait for their turn. */
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(type: ServedType, value: unknown, isFrozen: boolean) {
    this.type = type;
    this.value = value;
    const { all, allowed } = namesOf(type, value);
    this.#allowed = allowed;
    const { proxytype = null } = type;
    this.description = { typeid: type.typeid, exposed: all, isFrozen, direct: type.isDirect ? value : null, proxytype };
  }

  /** What methods of other objects get for a proxy of it. */
  get referent(): unknown {
    return this.type.referent === undefined ? this.value : this.type.referent(this.value as never);
  }

  /** Whether nobody wants it any more. */
  get isForgotten(): boolean {
    return this.strangers === 0 && native().blockIsLast(this.handle.block) === 1;
  }

  /**
   * Does what a request asks for.
   *
   * @throws {RemoteError} If that is not exposed, or there is no such thing.
   */
  act(asked: string, args: readonly unknown[], caller: Caller): unknown {
    const { type } = this;
    if (type.concurrency === Infinity) return this.#act(asked, args, caller);
    if (this.#running >= type.concurrency) return this.#later(asked, args, caller);
    this.#running++;
    return this.#counted(() => this.#act(asked, args, caller));
  }

  async #later(asked: string, args: readonly unknown[], caller: Caller): Promise<unknown> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { cancelled } = caller;
    this.#waiting.push(resolve);
    await promise;
    return await this.#counted(() => {
      cancelled.throwIfAborted(); // nobody waits for it any more: it is not begun
      return this.#act(asked, args, caller);
    });
  }

  /** Does a call that has its turn. */
  #counted(act: () => unknown): unknown {
    const end = () => {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(); // the turn is handed on, so that nobody comes between
    };
    return endingWith(end, act);
  }

  #act(asked: string, args: readonly unknown[], caller: Caller): unknown {
    const { type } = this;
    if (asked === GETVALUE) return this.#copy();
    if (asked === TO_STRING) return printed(type.copy === undefined ? this.value : type.copy(this.value as never));
    if (!allows(this.#allowed, asked)) throw this.#notExposed(asked);
    const name = bare(asked);
    const target = this.#targetFor(caller);
    if (asked.startsWith("=")) return void Reflect.set(target, name, this.#given(args)[0]);
    const member: unknown = Reflect.get(target, name);
    if (asked.startsWith(".")) return member;
    if (typeof member !== "function") {
      throw new RemoteError(`Cannot call "${name}" of a "${this.type.typeid}": it has no such method`);
    }
    return Reflect.apply(member, target, this.#given(args));
  }

  #copy(): unknown {
    const { type, value } = this;
    const copy = type.copy === undefined ? value : type.copy(value as never);
    if (!isThenable(copy)) return copy;
    throw new TypeError(
      `Cannot copy a "${type.typeid}": it has a method "then", so that whoever awaits the copy would call that`,
    );
  }

  #targetFor(caller: Caller): object {
    const value = Object(this.value);
    if (this.type.forCaller !== undefined) return this.type.forCaller(value as never, caller);
    return caller.isRelative ? value : this.type.forStranger?.(value as never, caller) ?? value;
  }

  /** The arguments as the object gets them. */
  #given(args: readonly unknown[]): readonly unknown[] {
    if (this.type.keepsProxies) return args;
    return args.map(contentsOf);
  }

  #notExposed(asked: string): RemoteError {
    const { isUsers } = this.type;
    const names = this.description.exposed.map(bare).filter((it) => isUsers === true || !it.startsWith(INNER));
    const has = names.length === 0 ? "nothing" : names.slice(0, 30).map((it) => `"${it}"`).join(", ");
    return new RemoteError(
      `Cannot call "${bare(asked)}" of a "${this.type.typeid}": it does not expose it, but ${has}` +
        (names.length > 30 ? " and others" : ""),
    );
  }

  /** It is not wanted any more. */
  drop(): void {
    this.handle.close();
    if (typeof this.value === "object" && this.value !== null) this.type.drop?.(this.value as never);
  }
}
