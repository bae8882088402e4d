// dict: a Map in the server.
import type { ServedType } from "../objects.ts";
import { BaseProxy, defineBuiltIn, SyncProxy } from "../proxy.ts";

const EXPOSED = ["get", "set", "has", "delete", "clear", ".size", "*keys", "*values", "*entries"];

export class DictProxy extends BaseProxy {}
export class SyncDict extends SyncProxy {}
defineBuiltIn("dict", EXPOSED, DictProxy, SyncDict);

export const DICT: ServedType = {
  typeid: "dict",
  make: (init?: Iterable<[unknown, unknown]>) => new Map(init),
  exposed: EXPOSED,
  methodToTypeid: {},
  concurrency: Infinity,
  keepsProxies: true,
  isDirect: false,
};
