// Namespace of a manager on an engine: a dict whose keys are names (library/dict.lua).

import { GETVALUE } from "../../managers/names.ts";
import { Namespace } from "../../managers/namespace.ts";
import type { Methods } from "./call.ts";
import { entryParts, readParts } from "./dict.ts";
import { keyOf, keyText } from "./texts.ts";

function text(name: unknown): Uint8Array {
  if (typeof name === "string") return keyText(name, "a key of a dict");
  throw new TypeError(`Cannot use ${Deno.inspect(name, { depth: 0 })} as the name of an attribute: wanted a string`);
}

/** The methods of a Namespace. */
export const NAMESPACE: Methods = {
  *[GETVALUE](call) {
    const answer = yield ["dict_items"];
    const entries: [unknown, unknown][] = [];
    for (let i = 0; i + 2 < answer.length; i += 3) entries.push([keyOf(answer.bytes(i)), call.read(answer, i + 1)]);
    return Namespace.of(entries);
  },
  *get(call, name) {
    const answer = yield ["dict_get", text(name)];
    return answer.length === 0 ? undefined : call.read(answer, 0);
  },
  *has(_call, name) {
    return (yield ["dict_has", text(name)]).number(0) === 1;
  },
  *set(call, name, value) {
    yield ["dict_set", text(name), ...call.write(value)];
  },
  *delete(_call, name) {
    return (yield ["dict_delete", text(name)]).number(0) === 1;
  },
  *update(call, attributes) {
    yield [
      "dict_update",
      entryParts(call, attributesIn(attributes).map(([name, value]) => [text(name), value] as const)),
    ];
  },
  *names() {
    const answer = yield ["dict_keys"];
    return Array.from({ length: answer.length }, (_, i) => keyOf(answer.bytes(i)));
  },
  *_read(call, name) {
    return readParts(call, yield ["dict_read", text(name)], 0);
  },
  *_assign(call, name, version: string, value) {
    const answer = yield ["dict_assign", text(name), version, ...call.write(value)];
    return answer.number(0) === 1 ? null : readParts(call, answer, 1);
  },
};

function attributesIn(given: unknown): [unknown, unknown][] {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(
      `Cannot update the Namespace: ${Deno.inspect(given)} was given, wanted an object with the attributes`,
    );
  }
  return given instanceof Map ? [...given] : Object.entries(given);
}
