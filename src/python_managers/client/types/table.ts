// Which of our types a type of Python's is used as, and how its methods are translated.

import { GETVALUE as COPY, TO_STRING } from "../../../managers/names.ts";
import { GETVALUE, REPR } from "../../wire.ts";
import { ask, type Asking, splitArguments, type Translations } from "../ask.ts";
import { unknownMethod } from "../refusals.ts";
import { DICT } from "./dict.ts";
import { iterator } from "./iterator.ts";
import { LIST } from "./list.ts";
import { NAMESPACE } from "./namespace.ts";
import { POOL } from "./pool.ts";
import { SET } from "./set.ts";
import { ARRAY, VALUE } from "./shared.ts";
import { ASYNC_RESULT, BARRIER, CONDITION, EVENT, LOCK, QUEUE, RLOCK, SEMAPHORE } from "./waiting.ts";

const TABLE: Readonly<Record<string, Translations>> = {
  dict: DICT,
  list: LIST,
  set: SET,
  Namespace: NAMESPACE,
  Lock: LOCK,
  RLock: RLOCK,
  Semaphore: SEMAPHORE,
  BoundedSemaphore: SEMAPHORE,
  Condition: CONDITION,
  Event: EVENT,
  Barrier: BARRIER,
  Queue: QUEUE,
  JoinableQueue: QUEUE,
  Value: VALUE,
  Array: ARRAY,
  Pool: POOL,
  AsyncResult: ASYNC_RESULT,
};

/** How the methods of an object are translated that is used as one of our types; `null`: as one of none. */
export function translationsOf(type: string | null): Translations | null {
  if (type === "Iterator") return iterator();
  return type !== null && Object.hasOwn(TABLE, type) ? TABLE[type] : null;
}

/** What a method asks for. */
export function translated(
  type: string | null,
  translations: Translations | null,
  asked: string,
  args: readonly unknown[],
): Asking {
  const own = asked === COPY ? GETVALUE : asked;
  if (translations !== null && Object.hasOwn(translations, own)) return translations[own](args);
  if (own === GETVALUE) return ask(GETVALUE);
  if (asked === TO_STRING) return ask(REPR);
  if (translations !== null && !isPythons(asked)) throw unknownMethod(asked, type!);
  if (asked.startsWith(".")) return ask("__getattribute__", [asked.slice(1)]);
  if (asked.startsWith("=")) return ask("__setattr__", [asked.slice(1), args[0]]);
  const { args: given, kwargs } = splitArguments(args);
  return ask(asked, given, { kwargs, isSlow: true });
}

/** Whether a name is one that only Python has, such as `__getitem__`: it is called as it is. */
function isPythons(name: string): boolean {
  return /^__\w+__$/.test(name) || /_/.test(name);
}
