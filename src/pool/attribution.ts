// Finds the task that an uncaught error comes from, and for `currentTask` that of whoever asks. A task may leave promises,
// timers and listeners behind, and any of them may fail when the worker runs another task. So each task runs in an
// asynchronous context of its own. The engine carries it along to all that the task begins, and reports an uncaught error
// in it.
//
// Deno has these contexts in `core`, at no cost; if a version has not, `node:async_hooks` has them, 6 ms later. In one
// place they are not kept: an error that a timer's callback throws is reported outside. So the timers of a worker note
// in which context their callbacks have thrown.

/** A task, or the like, that may leave promises and timers behind. */
export interface Owner {
  /** Its name, for messages. */
  readonly what: string;
}

/** What one thread carries along. */
interface Carrier {
  run<T>(owner: Owner, act: () => T): T;
  readonly owner: Owner | undefined;
}

/** The part of Deno's `core` that this needs. */
interface Core {
  getAsyncContext(): object | undefined | null;
  setAsyncContext(context: unknown): void;
}

type Callback = (this: unknown, ...args: unknown[]) => unknown;
type Timer = (callback: unknown, ...rest: unknown[]) => unknown;

/** In the context of a task: the task. */
const OWNER = Symbol("multiprocessing.pool.owner");

const TIMERS = ["setTimeout", "setInterval", "setImmediate"] as const;

/** Knows which task has left behind a promise or timer that fails. */
export class Attribution {
  readonly #carrier: Carrier;
  /** What a timer's callback has thrown last, and whose it was. */
  #thrown: { readonly error: unknown; readonly owner: Owner | undefined } | null = null;

  private constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  static #begun: Attribution | null = null;

  /** That of this thread, whose timers are watched from the first call on. */
  static async begin(): Promise<Attribution> {
    if (Attribution.#begun !== null) return Attribution.#begun;
    const attribution = Attribution.#begun = new Attribution(carrierOfCore() ?? await carrierOfNode());
    for (const name of TIMERS) attribution.#watch(name);
    return attribution;
  }

  /** Runs `act`, to which everything belongs that it begins. */
  run<T>(owner: Owner, act: () => T): T {
    return this.#carrier.run(owner, act);
  }

  /** To whom what runs just now belongs; `undefined` if it is not known. */
  get owner(): Owner | undefined {
    return this.#carrier.owner;
  }

  /** The origin of the error that is just being reported; `undefined` if it is not known. */
  ownerOf(error: unknown): Owner | undefined {
    const thrown = this.#thrown;
    this.#thrown = null;
    return thrown !== null && Object.is(thrown.error, error) ? thrown.owner : this.#carrier.owner;
  }

  /** Deno makes its timers when somebody first asks for one, in 10 ms: so they are not asked for here, but then. */
  #watch(name: typeof TIMERS[number]): void {
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
    if (descriptor === undefined) return;
    const { get, set, configurable, enumerable } = descriptor;
    if (get === undefined || set === undefined || !configurable) {
      const global = globalThis as unknown as Record<string, Timer | undefined>;
      const original = global[name];
      if (original !== undefined) global[name] = this.#watched(original);
      return;
    }
    const value = () => this.#watched(get.call(globalThis));
    Object.defineProperty(globalThis, name, {
      configurable,
      enumerable,
      get() {
        const watched = value();
        Object.defineProperty(globalThis, name, { value: watched, writable: true, configurable, enumerable });
        return watched;
      },
      set: (other) => set.call(globalThis, other),
    });
  }

  #watched(original: Timer): Timer {
    const watched: Timer = (callback, ...rest) =>
      original(typeof callback === "function" ? this.#noting(callback as Callback) : callback, ...rest);
    return Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
  }

  #noting(callback: Callback): Callback {
    const note = (error: unknown) => this.#thrown = { error, owner: this.#carrier.owner };
    return function (...args) {
      try {
        return callback.apply(this, args);
      } catch (error) {
        note(error);
        throw error;
      }
    };
  }
}

/**
 * The asynchronous context of a task. A class, since V8 makes each object that is written as `{ __proto__: null }` by
 * itself, which takes as long as a trivial task; and nobody's properties are found beyond its own.
 */
class Context {
  readonly [OWNER]: Owner;

  constructor(owner: Owner) {
    this[OWNER] = owner;
  }

  static {
    Object.setPrototypeOf(Context.prototype, null);
  }
}

/** A context with the task in it; what others have in the one before stays there. */
function contextOf(owner: Owner, before: object | undefined | null): object {
  return before === undefined || before === null ? new Context(owner) : { __proto__: null, ...before, [OWNER]: owner };
}

function carrierOfCore(): Carrier | null {
  const { internal } = Deno as unknown as { internal?: symbol };
  const core = internal && (Deno as unknown as Record<symbol, { core?: Partial<Core> } | undefined>)[internal]?.core;
  if (typeof core?.getAsyncContext !== "function" || typeof core.setAsyncContext !== "function") return null;
  const { getAsyncContext: get, setAsyncContext: set } = core as Core;
  return {
    run(owner, act) {
      const before = get();
      set(contextOf(owner, before));
      try {
        return act();
      } finally {
        set(before);
      }
    },
    get owner() {
      return (get() as { [OWNER]?: Owner } | undefined | null)?.[OWNER];
    },
  };
}

async function carrierOfNode(): Promise<Carrier> {
  const { AsyncLocalStorage } = await import("node:async_hooks");
  const storage = new AsyncLocalStorage<Owner>();
  return {
    run: (owner, act) => storage.run(owner, act),
    get owner() {
      return storage.getStore();
    },
  };
}
