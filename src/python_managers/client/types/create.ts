// deno-lint-ignore-file require-yield -- most need ask for nothing
// What makes an object of one of Python's own types: our arguments in Python's.

import { insideOf } from "../../../managers/proxy.ts";
import { entriesOf, itemsOf } from "../../../managers/types/keys.ts";
import { isOptions } from "../../../waiting/options.ts";
import { type Ask, contents, hashed, secondsOf, splitArguments } from "../ask.ts";

/** Positional arguments and those by name. */
export interface Arguments {
  readonly args: readonly unknown[];
  readonly kwargs?: object;
}

type Making = Generator<Ask, Arguments, unknown>;
type Maker = (args: readonly unknown[]) => Making;

/** Letters that Python's arrays have for our names of types. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ i8: "b", u8: "B", i16: "h", u16: "H", i32: "i", u32: "I", i64: "q", u64: "Q", f32: "f", f64: "d" },
};

function letterOf(type: unknown): unknown {
  return LETTERS[type as string] ?? type;
}

/** Refuses options that Python has no counterpart of; a name is for messages of ours only. */
function requireNone(typeid: string, options: unknown): void {
  if (options === undefined || options === null || !isOptions(options)) return;
  const [known] = Object.keys(options).filter((name) => name !== "name");
  if (known === undefined) return;
  throw new TypeError(`Cannot create a "${typeid}": the server is Python's, which has no option "${known}"`);
}

function* plain(typeid: string, args: readonly unknown[], most: number): Making {
  requireNone(typeid, args[most]);
  return { args: args.slice(0, most) };
}

const MAKERS: Readonly<Record<string, Maker>> = {
  *dict([init]) {
    const given = yield* contents(init);
    const entries = entriesOf(given ?? [], "create a dict");
    return { args: [new Map([...entries].map(([key, value]) => [hashed(key), value]))] };
  },
  *list([init]) {
    return { args: [itemsOf((yield* contents(init)) ?? [], "create a list")] };
  },
  *set([init]) {
    const members = itemsOf((yield* contents(init)) ?? [], "create a set");
    return { args: [new Set(members)] };
  },
  *Namespace([init]) {
    return { args: [], kwargs: Object.fromEntries(entriesOf((yield* contents(init)) ?? [], "create a Namespace")) };
  },
  Lock: (args) => plain("Lock", args, 0),
  RLock: (args) => plain("RLock", args, 0),
  Event: (args) => plain("Event", args, 0),
  Semaphore: (args) => plain("Semaphore", args, 1),
  BoundedSemaphore: (args) => plain("BoundedSemaphore", args, 1),
  Queue: (args) => plain("Queue", args, 1),
  JoinableQueue: (args) => plain("JoinableQueue", args, 1),
  *Condition([lock, options]) {
    requireNone("Condition", options);
    const isLock = typeof lock === "object" && lock !== null && insideOf in lock;
    if (lock === undefined || isLock) return { args: isLock ? [lock] : [] };
    throw new TypeError('Cannot create a "Condition": a lock of another process is no lock for a server of Python\'s');
  },
  *Barrier([parties, options]) {
    const { timeout, ...others } = (options ?? {}) as { timeout?: number | null };
    requireNone("Barrier", others);
    const seconds = secondsOf(timeout);
    return seconds === null ? { args: [parties] } : { args: [parties], kwargs: { timeout: seconds } };
  },
  *Value([type, init = 0, options]) {
    requireNone("Value", options);
    return { args: [letterOf(type), init] };
  },
  *Array([type, init, options]) {
    requireNone("Array", options);
    const items = typeof init === "number" ? new Array(init).fill(0) : [...init as Iterable<unknown>];
    return { args: [letterOf(type), items] };
  },
  *Pool([processes, options]) {
    const { maxTasksPerChild, ...others } = (options ?? {}) as { maxTasksPerChild?: number | null };
    const given = Object.entries(others).filter(([, value]) => value !== undefined && value !== null);
    requireNone("Pool", Object.fromEntries(given));
    if (typeof processes !== "number" && processes !== null && processes !== undefined) {
      throw new TypeError('Cannot create a "Pool": the server is Python\'s, whose pools have a number of processes');
    }
    return { args: [processes ?? null], kwargs: maxTasksPerChild ? { maxtasksperchild: maxTasksPerChild } : {} };
  },
};

/** The arguments of `create` for a type: of one of ours translated, else as they are. */
export function* argumentsOf(typeid: string, isBuiltIn: boolean, args: readonly unknown[]): Making {
  return isBuiltIn && Object.hasOwn(MAKERS, typeid) ? yield* MAKERS[typeid](args) : splitArguments(args);
}
