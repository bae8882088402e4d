// set, which Python's managers have from 3.14 on, and others where somebody has registered it.

import { itemsOf } from "../../../managers/types/keys.ts";
import { GETVALUE } from "../../wire.ts";
import {
  allContents,
  type Ask,
  ask,
  contents,
  hashed,
  silent,
  type Translation,
  type Translations,
  unless,
} from "../ask.ts";
import { Snapshot } from "../snapshot.ts";

type Operands = Generator<Ask, Set<unknown>[], unknown>;

function* others(operands: readonly unknown[]): Operands {
  return (yield* allContents(operands)).map((it) =>
    it instanceof Set ? it : new Set(itemsOf(it, "combine it with the set"))
  );
}

function withOthers(method: string): Translation {
  return function* (operands) {
    return yield* ask(method, yield* others(operands));
  };
}

function silently(method: string): Translation {
  return function* (operands) {
    yield* ask(method, yield* others(operands));
  };
}

function member(method: string): Translation {
  return ([value]) => ask(method, [hashed(value)]);
}

function* whole(): Generator<Ask, Set<unknown>, unknown> {
  const value = yield* ask(GETVALUE);
  return value instanceof Set ? value : new Set(itemsOf(value, "read the set"));
}

/** By the names of ours. */
export const SET: Translations = {
  [GETVALUE]: whole,
  copy: whole,
  ".size": () => ask("__len__"),
  has: member("__contains__"),
  add: member("add"),
  *delete([value]) {
    return (yield* unless("KeyError", ask("remove", [hashed(value)]), false)) !== false;
  },
  discard: member("discard"),
  remove: member("remove"),
  pop: () => ask("pop"),
  clear: silent("clear"),
  union: withOthers("union"),
  intersection: withOthers("intersection"),
  difference: withOthers("difference"),
  *subtractedFrom([operand]) {
    const [other] = yield* others([yield* contents(operand)]);
    return other.difference(yield* whole());
  },
  symmetricDifference: withOthers("symmetric_difference"),
  update: silently("update"),
  intersectionUpdate: silently("intersection_update"),
  differenceUpdate: silently("difference_update"),
  symmetricDifferenceUpdate: silently("symmetric_difference_update"),
  isSubsetOf: withOthers("issubset"),
  isSupersetOf: withOthers("issuperset"),
  *isProperSubsetOf(operands) {
    const [other] = yield* others(operands);
    const all = yield* whole();
    return all.size < other.size && all.isSubsetOf(other);
  },
  *isProperSupersetOf(operands) {
    const [other] = yield* others(operands);
    const all = yield* whole();
    return all.size > other.size && all.isSupersetOf(other);
  },
  isDisjointFrom: withOthers("isdisjoint"),
  *keys() {
    return new Snapshot([...yield* whole()]);
  },
  *values() {
    return new Snapshot([...yield* whole()]);
  },
  *entries() {
    return new Snapshot([...(yield* whole()).entries()]);
  },
};
