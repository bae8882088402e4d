// The types that the package has itself, by their names.

import { ARRAY } from "./types/array.ts";
import { ASYNC_RESULT } from "./types/async_result.ts";
import { BARRIER } from "./types/barrier.ts";
import { CONDITION } from "./types/condition.ts";
import { DICT } from "./types/dict.ts";
import { EVENT } from "./types/event.ts";
import { LIST } from "./types/list.ts";
import { LOCK, RLOCK } from "./types/locks.ts";
import { NAMESPACE } from "./types/namespace.ts";
import { POOL } from "./types/pool.ts";
import { JOINABLE_QUEUE, QUEUE } from "./types/queue.ts";
import { BOUNDED_SEMAPHORE, SEMAPHORE } from "./types/semaphores.ts";
import { SET } from "./types/set.ts";
import { VALUE } from "./types/value.ts";
import { ITERATOR } from "./object_table.ts";
import type { ServedType } from "./objects.ts";
import "./types/iterator.ts";

/** What makes and describes the objects of each. */
export const BUILT_IN: ReadonlyMap<string, ServedType> = new Map(
  [
    ...[DICT, LIST, SET, NAMESPACE, ITERATOR],
    ...[LOCK, RLOCK, SEMAPHORE, BOUNDED_SEMAPHORE, CONDITION, EVENT, BARRIER],
    ...[QUEUE, JOINABLE_QUEUE, VALUE, ARRAY, POOL, ASYNC_RESULT],
  ].map((type) => [type.typeid, type]),
);
