// Namespace: our methods in Python's. An attribute whose name begins with `_` is one as any other in the server.

import { entriesOf } from "../../../managers/types/keys.ts";
import type { Namespace } from "../../../managers/namespace.ts";
import { GETVALUE } from "../../wire.ts";
import { ask, contents, silent, type Translations, unless } from "../ask.ts";
import { noVersions } from "../refusals.ts";

const NONE = Symbol("none");

/** By the names of ours. */
export const NAMESPACE: Translations = {
  get: ([name]) => unless("AttributeError", ask("__getattribute__", [name]), undefined),
  *has([name]) {
    return (yield* unless("AttributeError", ask("__getattribute__", [name]), NONE)) !== NONE;
  },
  set: silent("__setattr__"),
  *delete([name]) {
    return (yield* unless("AttributeError", ask("__delattr__", [name]), false)) !== false;
  },
  *update([attributes]) {
    for (const [name, value] of entriesOf(yield* contents(attributes), "update the Namespace")) {
      yield* ask("__setattr__", [name, value]);
    }
  },
  *names() {
    return Object.keys((yield* ask(GETVALUE)) as Namespace);
  },
  _read: noVersions("modify"),
  _assign: noVersions("modify"),
};
