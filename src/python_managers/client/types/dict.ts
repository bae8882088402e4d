// dict: our methods in Python's.

import { entriesOf, itemsOf } from "../../../managers/types/keys.ts";
import { GETVALUE } from "../../wire.ts";
import { type Ask, ask, contents, hashed, silent, type Translations, unless } from "../ask.ts";
import { noVersions } from "../refusals.ts";
import { Snapshot } from "../snapshot.ts";

type Entries = Generator<Ask, Map<unknown, unknown>, unknown>;

function* whole(): Entries {
  return entriesOf(yield* ask(GETVALUE), "read the dict");
}

function* other(operand: unknown): Entries {
  return entriesOf(yield* contents(operand), "combine it with the dict");
}

/** By the names of ours. */
export const DICT: Translations = {
  [GETVALUE]: whole,
  copy: whole,
  ".size": () => ask("__len__"),
  get: ([key, fallback]) => unless("KeyError", ask("__getitem__", [hashed(key)]), fallback),
  has: ([key]) => ask("__contains__", [hashed(key)]),
  *set([key, value]) {
    yield* ask("__setitem__", [hashed(key), value]);
  },
  *delete([key]) {
    return (yield* unless("KeyError", ask("__delitem__", [hashed(key)]), false)) !== false;
  },
  pop: ([key, ...fallback]) =>
    fallback.length > 0 ? unless("KeyError", ask("pop", [hashed(key)]), fallback[0]) : ask("pop", [hashed(key)]),
  popitem: () => ask("popitem"),
  setdefault: ([key, value]) => ask("setdefault", [hashed(key), value]),
  *update([operand]) {
    yield* ask("update", [yield* other(operand)]);
  },
  *merged([operand]) {
    const added = yield* other(operand);
    return new Map([...yield* whole(), ...added]);
  },
  *mergedInto([operand]) {
    const under = yield* other(operand);
    return new Map([...under, ...yield* whole()]);
  },
  clear: silent("clear"),
  items: () => ask("items"),
  *keys() {
    return new Snapshot((yield* ask("keys")) as unknown[]);
  },
  *values() {
    return new Snapshot((yield* ask("values")) as unknown[]);
  },
  *entries() {
    return new Snapshot((yield* ask("items")) as unknown[]);
  },
  *reversed() {
    return new Snapshot(((yield* ask("keys")) as unknown[]).toReversed());
  },
  *fromkeys([keys, value = null]) {
    const given = yield* contents(keys);
    const list = itemsOf(given instanceof Map ? given.keys() : given, "make a dict of keys");
    return new Map(list.map((key) => [key, value]));
  },
  _read: noVersions("modify"),
  _assign: noVersions("modify"),
};
