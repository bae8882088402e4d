// A Namespace that is a value of ours, as Python pickles one of its own.

import { Namespace } from "../../managers/namespace.ts";
import { PythonName } from "../../pickle/python_object.ts";
import type { Call } from "../../pickle/reduction.ts";
import { MANAGERS } from "../wire.ts";

const NAME = new PythonName(MANAGERS, "Namespace");

/** What becomes of one; `undefined` if it is none. */
export function reducedNamespace(value: object): Call | undefined {
  if (!(value instanceof Namespace)) return undefined;
  return { name: NAME, args: [], isCalled: false, state: new Map(Object.entries(value)) };
}
