// How proxies travel within a tree: a message names the server by its gate, and the object by its id and its block, which goes
// with the message, so that somebody always has it.

import { requireModule } from "../callable/modules.ts";
import { ENGINE_MANAGERS } from "../runtime/own_modules.ts";
import { type BlockHandle, type BlockReference, closedError, partsOf } from "../addon/handles.ts";
import { arrivedReference, isLate } from "../callable/late.ts";
import type { FunctionReference } from "../callable/types.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { currentGate, Gate } from "./gate.ts";
import type { Line, ObjectId } from "./line.ts";
import type { Exposed } from "./names.ts";
import { outside } from "./outside.ts";
import {
  type BaseProxy,
  type Description,
  insideOf,
  type ProxyInside,
  setProxyForm,
  type Travelling,
} from "./proxy.ts";
import { arrivedNames, builtInOf, malformed, namesToSend, proxyClassOf } from "./proxy_classes.ts";
import { RingLine } from "./ring_line.ts";

/** What a message says of a proxy. */
type ProxyData = [
  gate: Gate | null,
  id: ObjectId,
  block: BlockReference,
  typeid: string,
  exposed: Exposed | null,
  isFrozen: boolean,
  direct: unknown,
  proxytype: FunctionReference | null,
];

/** The servers that run in this thread, by their numbers. */
const servers = new Map<number, (id: ObjectId, handle: BlockHandle) => BaseProxy>();

/**
 * Notes a server of this thread: a proxy that comes back to it is made by `proxyOf`. What this gives takes that back.
 */
export function noteServer(number: number, proxyOf: (id: ObjectId, handle: BlockHandle) => BaseProxy): () => void {
  servers.set(number, proxyOf);
  return () => servers.delete(number);
}

/** Describes an object to a relative. Its block goes with the message. */
function describeTo(gate: Gate, id: ObjectId, handle: BlockHandle, description: Description): ProxyData {
  attach(handle.block);
  const { typeid, isFrozen, direct, proxytype = null } = description;
  const named = gate === currentGate() ? null : gate;
  return [named, id, handle.reference(), typeid, namesToSend(description), isFrozen, direct, proxytype];
}

/** In the place of the gate: the object is one of a server outside of the tree. */
export const OUTSIDE = "outside";

/** How proxies of a server outside of the tree travel within it. */
export interface StrangerForm {
  /** What a message says of one; the first part is {@linkcode OUTSIDE}. */
  reduce(inside: ProxyInside): readonly unknown[];
  restore(parts: readonly unknown[]): BaseProxy;
}

let strangers: StrangerForm | null = null;

/** Says how proxies of servers outside of the tree travel. */
export function setStrangerForm(form: StrangerForm): void {
  strangers = form;
}

/** How proxies travel whose objects no server has: by the names that their messages begin with. */
const forms = new Map<unknown, LineForm>();

/** How proxies with lines of one kind travel. */
export interface LineForm {
  has(line: Line): boolean;
  /** What a message says of one; the first part is the name of the form. */
  reduce(inside: ProxyInside): readonly unknown[];
  restore(parts: readonly unknown[]): BaseProxy;
}

/** Says how proxies with lines of one kind travel; {@linkcode OUTSIDE} and the server's gate are no names for that. */
export function setLineForm(name: string, form: LineForm): void {
  forms.set(name, form);
}

/** The name of the form of proxies whose objects are on an engine. Their module is loaded for the first of them. */
export const ENGINE = "engine";

/** The form whose name a message begins with. */
function formNamed(name: unknown): LineForm | undefined {
  if (name === ENGINE && !forms.has(ENGINE)) requireModule(ENGINE_MANAGERS);
  return forms.get(name);
}

function formOf({ line }: Partial<ProxyInside>): LineForm | undefined {
  return line === undefined ? undefined : forms.values().find((form) => form.has(line));
}

function reduce(proxy: Travelling): unknown {
  const inside = proxy[insideOf]();
  if (inside.isClosed) throw closedError("send it", "proxy");
  const { id, gate, handle, description } = inside;
  const form = formOf(inside);
  if (form !== undefined) return form.reduce(inside as ProxyInside);
  const passage = outside();
  if (passage !== null) return passage.reduce(proxy);
  if (gate === null || handle === null) return strangers!.reduce(inside as ProxyInside);
  return describeTo(gate, id, handle, description);
}

function restore(data: unknown): BaseProxy {
  const form = Array.isArray(data) ? formNamed(data[0]) : undefined;
  if (form !== undefined) return form.restore(data as unknown[]);
  const passage = outside();
  if (passage !== null) return passage.restore(data);
  const parts = partsOf(data, "a manager's proxy");
  if (parts[0] === OUTSIDE && strangers !== null) return strangers.restore(parts);
  const [named, id, reference, typeid, exposed, isFrozen, given, proxytype] = parts;
  const gate = named ?? currentGate();
  if (!(gate instanceof Gate) || typeof id !== "number" || typeof typeid !== "string") throw malformed();
  const names = arrivedNames(typeid, exposed);
  const direct = given ?? null; // anybody may have written the message
  if (direct !== null && builtInOf(typeid, names)?.isDirect(direct) !== true) throw malformed();
  const handle = adopted(reference as BlockReference);
  const own = servers.get(gate.number);
  if (own !== undefined) {
    (direct as Disposable | null)?.[Symbol.dispose](); // the server has it itself
    return own(id, handle);
  }
  const where = proxytype === null ? null : arrivedReference(proxytype);
  if (where !== null && isLate(where)) throw malformed();
  const description: Description = { typeid, exposed: names, isFrozen: isFrozen === true, direct, proxytype: where };
  const inside = { id, description, line: RingLine.to(gate), gate, handle, isClosed: false };
  return new (proxyClassOf(description, gate))(inside);
}

setProxyForm({ reduce, restore });
