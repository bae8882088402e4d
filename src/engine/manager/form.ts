// The proxies of objects on an engine: how they are made, and how they travel in its tree.

import { partsOf } from "../../addon/handles.ts";
import type { BaseProxy, ProxyInside } from "../../managers/proxy.ts";
import { exposedByBuiltIn, malformed, proxyClassOf } from "../../managers/proxy_classes.ts";
import { ENGINE, setLineForm } from "../../managers/proxy_form.ts";
import { ObjectHandle, type ObjectReference } from "../handles.ts";
import { EngineLine, NoLine } from "./line.ts";
import { DIRECT, KEPT } from "./types.ts";

/** What a message says of a proxy. */
type ProxyData = [
  tag: typeof ENGINE,
  typeid: string,
  isFrozen: boolean,
  object: ObjectReference | null,
  direct: object | null,
];

/** The proxy of a container. */
export function proxyOf(typeid: string, handle: ObjectHandle, isFrozen: boolean): BaseProxy {
  const line = new EngineLine(handle, typeid, KEPT.get(typeid)!, isFrozen);
  return made({ id: Number(handle.id), typeid, line, isFrozen, direct: null });
}

/** The proxy of an object of the context's own. */
export function directProxyOf(typeid: string, direct: object): BaseProxy {
  return made({ id: 0, typeid, line: new NoLine(), isFrozen: false, direct });
}

function made({ id, typeid, line, isFrozen, direct }: Pick<ProxyInside, "id" | "line"> & {
  typeid: string;
  isFrozen: boolean;
  direct: object | null;
}): BaseProxy {
  const description = { typeid, exposed: exposedByBuiltIn(typeid)!, isFrozen, direct };
  return new (proxyClassOf(description))({ id, description, line, gate: null, handle: null, isClosed: false });
}

setLineForm(ENGINE, {
  has: (line) => line instanceof EngineLine || line instanceof NoLine,
  reduce({ line, description: { typeid, isFrozen, direct } }): ProxyData {
    const object = line instanceof EngineLine ? line.handle.reference(typeid) : null;
    return [ENGINE, typeid, isFrozen, object, direct as object | null];
  },
  restore(data) {
    const [, typeid, isFrozen, object, direct] = partsOf(data, "a manager's proxy");
    if (typeof typeid !== "string") throw malformed();
    if (KEPT.has(typeid)) return proxyOf(typeid, ObjectHandle.adopt(object), isFrozen === true);
    const type = DIRECT.get(typeid);
    if (type === undefined || !(direct instanceof type.Class)) throw malformed();
    return directProxyOf(typeid, direct);
  },
});
