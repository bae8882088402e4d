// Iterations, as Python calls them: one item after the other.

import type { Chunk } from "../../../managers/messages.ts";
import type { ServedIterator } from "../../../managers/served_iterator.ts";
import { type Call, type Method, then } from "../call.ts";
import { raised } from "../raised.ts";

function next(call: Call): unknown {
  return then(call.ask("fetch", 1), (chunk) => {
    const [items] = chunk as Chunk;
    if (items.length === 0) throw raised("StopIteration");
    return items[0];
  });
}

/** By the names of Python's methods. */
export const ITERATOR_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__next__", next],
  ["send", next],
  ["throw", (call) => {
    (call.object.value as ServedIterator).end();
    const [error] = call.args;
    throw error instanceof Error ? error : raised("RuntimeError", "the iteration was ended");
  }],
  ["close", ({ object }) => (object.value as ServedIterator).end()],
]);
