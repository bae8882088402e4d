// What Python may call of the objects of each type, and what these are made with.

import type { ManagedObject, ServedType } from "../../../managers/objects.ts";
import { AUTO } from "../../wire.ts";
import { classOfProxies } from "../../types.ts";
import { ABSENT, argumentsOf, type Given, type Method, milliseconds, or, wholeNumber } from "../call.ts";
import { raised } from "../raised.ts";
import { DICT_METHODS, fillDict, iterated } from "./dict.ts";
import { ITERATOR_METHODS } from "./iterator.ts";
import { LIST_METHODS } from "./list.ts";
import { NAMESPACE_METHODS } from "./namespace.ts";
import { QUEUE_METHODS } from "./queue.ts";
import { ATTRIBUTES, givenTo, registeredMethods } from "./registered.ts";
import { fillSet, SET_METHODS } from "./set.ts";
import { BARRIER_METHODS, CONDITION_METHODS, EVENT_METHODS, LOCK_METHODS, SEMAPHORE_METHODS } from "./sync.ts";
import { ARRAY_METHODS, arrayArguments, VALUE_METHODS, valueArguments } from "./value.ts";
import type { ServedDict } from "../../../managers/types/dict.ts";
import type { ServedList } from "../../../managers/types/list.ts";
import type { ServedSet } from "../../../managers/types/set.ts";

/** How a type that the package has itself is used from Python. */
interface OwnType {
  readonly methods: ReadonlyMap<string, Method>;
  /** What our maker gets. */
  readonly creation: (creation: Given) => readonly unknown[];
  /** What is done with a new object: what needs Python's idea of keys. */
  readonly fill?: (value: unknown, creation: Given) => void;
}

const NOTHING: readonly string[] = [];
const bound = (creation: Given, names: readonly string[] = NOTHING, needed = 0) => argumentsOf(creation, names, needed);

const none = (creation: Given) => {
  bound(creation);
  return [];
};
const counted = (name: string, otherwise: number) => (creation: Given) => [
  wholeNumber(or(bound(creation, [name])[0], otherwise), name),
];

const semaphore: OwnType = { methods: SEMAPHORE_METHODS, creation: counted("value", 1) };
const lock: OwnType = { methods: LOCK_METHODS, creation: none };
const queue: OwnType = {
  methods: QUEUE_METHODS,
  creation: (creation) => [Math.max(0, counted("maxsize", 0)(creation)[0])],
};

/** By the names of the types. */
const OWN: ReadonlyMap<string, OwnType> = new Map<string, OwnType>([
  ["dict", {
    methods: DICT_METHODS,
    creation: () => [],
    fill: (value, creation) => fillDict(value as ServedDict, creation),
  }],
  ["list", {
    methods: LIST_METHODS,
    creation: () => [],
    fill: (value, creation) => {
      const [items] = bound(creation, ["iterable"]);
      if (items !== ABSENT) (value as ServedList).extend([...iterated(items)]);
    },
  }],
  ["set", {
    methods: SET_METHODS,
    creation: () => [],
    fill: (value, creation) => fillSet(value as ServedSet, bound(creation, ["iterable"]).filter((it) => it !== ABSENT)),
  }],
  ["Namespace", {
    methods: NAMESPACE_METHODS,
    creation: ({ args, named }) => {
      if (args.length > 0) throw raised("TypeError", "Namespace() takes keyword arguments only");
      return [named];
    },
  }],
  ["Iterator", { methods: ITERATOR_METHODS, creation: none }],
  ["Lock", lock],
  ["RLock", lock],
  ["Semaphore", semaphore],
  ["BoundedSemaphore", semaphore],
  ["Condition", {
    methods: CONDITION_METHODS,
    creation: (creation) => bound(creation, ["lock"]).filter((it) => it !== ABSENT && it !== null),
  }],
  ["Event", { methods: EVENT_METHODS, creation: none }],
  ["Barrier", {
    methods: BARRIER_METHODS,
    creation: (creation) => {
      const [parties, action, timeout] = bound(creation, ["parties", "action", "timeout"], 1);
      if (action !== ABSENT && action !== null) {
        throw raised("TypeError", "the manager is no Python program: it cannot call an action");
      }
      const time = milliseconds(timeout);
      return [wholeNumber(parties, "parties"), time === null ? {} : { timeout: time }];
    },
  }],
  ["Queue", queue],
  ["JoinableQueue", queue],
  ["Value", { methods: VALUE_METHODS, creation: valueArguments }],
  ["Array", { methods: ARRAY_METHODS, creation: arrayArguments }],
]);

const NO_METHODS: ReadonlyMap<string, Method> = new Map();

function ownType({ typeid, isUsers }: ServedType): OwnType | undefined {
  return isUsers === true ? undefined : OWN.get(typeid);
}

/** The methods that an object has in Python. */
function methodsOf(object: ManagedObject): ReadonlyMap<string, Method> {
  if (object.type.isUsers === true) return registeredMethods(object);
  return ownType(object.type)?.methods ?? NO_METHODS;
}

/** The method of that name; `undefined` if the object exposes none. */
export function methodOf(object: ManagedObject, name: string): Method | undefined {
  return methodsOf(object).get(name) ?? (object.type.isUsers === true ? ATTRIBUTES.get(name) : undefined);
}

/** What an object exposes, for what makes proxies of it in Python. */
export function exposedOf(object: ManagedObject): string[] {
  return [...methodsOf(object).keys()];
}

/** The types whose class of proxies not every Python has. */
const LATE: readonly string[] = ["set"];

/** The class of the proxies that stand for an object in Python. */
export function classNameOf({ type: { typeid, isUsers } }: ManagedObject): string {
  return isUsers === true || LATE.includes(typeid) ? AUTO : classOfProxies(typeid);
}

/** What our maker of a type gets of what a client has given. */
export function creationOf(type: ServedType | undefined, creation: Given): readonly unknown[] {
  const own = type === undefined ? undefined : ownType(type);
  return own === undefined ? givenTo(creation) : own.creation(creation);
}

/** Puts into a new object what a client has given for that. */
export function fill(object: ManagedObject, creation: Given): void {
  ownType(object.type)?.fill?.(object.value, creation);
}
