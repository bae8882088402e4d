// How shared values and arrays are made; factories.ts has the functions that users call.

import { elementsOf, sizeOf } from "./elements.ts";
import type { SharedOptions } from "./factories.ts";
import { lockInCell, type Protection } from "./guarded.ts";
import { knownType, lockChoice, requireLock } from "./lock_option.ts";
import { type Demand, isShared, newGuardedPlace, newPlace, type Place, sharedBuffer } from "./memory.ts";
import { demandOf, Scalar } from "./scalar.ts";
import { StructureArray } from "./sequence.ts";
import { type Fields, type Structured, StructureType } from "./structure.ts";
import { StructureInstance } from "./structure_instance.ts";
import { synchronizedArray } from "./synchronized_array.ts";
import { synchronizedStructure } from "./synchronized_structure.ts";
import { Synchronized } from "./synchronized_value.ts";
import { scalarTypeOfView, type TypeCode, type View, type ViewConstructor } from "./types.ts";
import { Lock } from "../synchronize/lock.ts";
import { RLock } from "../synchronize/rlock.ts";

/** The type of what is made, before it is checked. */
type AnyType = TypeCode | StructureType<Fields>;

function isLock(lock: unknown): lock is Lock | RLock {
  return lock instanceof Lock || lock instanceof RLock;
}

/** A value or structure, with a lock unless the options ask for none. */
export function value(type: AnyType, init: unknown, options: SharedOptions): unknown {
  const action = "create a Value";
  const { lock, name } = lockChoice(options, action, isLock);
  if (lock === false) return rawValue(type, init, action);
  let isInCell = false;
  const raw = rawValue(type, init, action, (demand) => {
    const cell = lock === true && name === "" ? newGuardedPlace(demand) : undefined; // a name travels with its own lock
    isInCell = cell !== undefined;
    return cell ?? newPlace(demand);
  });
  return guarded(raw, isInCell ? lockInCell(placeOf(raw).handle) : protectionOf(lock, name));
}

/** A value at the place that `reserve` gives, once `init` has been checked. */
export function rawValue(
  type: AnyType,
  init: unknown,
  action: string,
  reserve: (demand: Demand) => Place = newPlace,
): Scalar<unknown> | StructureInstance {
  if (type instanceof StructureType) {
    const prepared = init === undefined ? undefined : type.prepare(init);
    const raw = type.instance(reserve(type));
    if (prepared !== undefined) StructureInstance.write(raw, prepared);
    return raw;
  }
  const scalar = knownType(type, action);
  if (init !== undefined) scalar.store(init);
  const raw = new Scalar(scalar, reserve(demandOf(scalar)));
  if (init !== undefined) raw.value = init;
  return raw;
}

/** An array, with a lock unless the options ask for none. */
export function array(type: AnyType, sizeOrInit: unknown, options: SharedOptions): unknown {
  const action = "create an Array";
  const { lock, name } = lockChoice(options, action, isLock);
  const raw = rawArray(type, sizeOrInit, action);
  if (lock === false) return raw;
  return synchronizedArray(raw, typeof type === "string" ? type : null, protectionOf(lock, name), true);
}

/** An array without a lock. */
export function rawArray(type: AnyType, sizeOrInit: unknown, action: string): View | StructureArray<Fields> {
  const size = sizeOf(sizeOrInit, action);
  if (type instanceof StructureType) {
    if (size !== undefined) return new StructureArray(type, size);
    return StructureArray.of(type, sizeOrInit, action);
  }
  const scalar = knownType(type, action);
  if (size !== undefined) return newView(scalar.View, size);
  const elements = elementsOf(scalar, sizeOrInit, action);
  const view = newView(scalar.View, elements.length);
  view.set(elements as ArrayLike<never>);
  return view;
}

function newView(View: ViewConstructor, length: number): View {
  return new View(sharedBuffer(length * View.BYTES_PER_ELEMENT), 0, length);
}

/** A copy in new shared memory. */
export function copied(obj: unknown): unknown {
  if (obj instanceof Scalar) return rawValue(obj.type.code, obj.value, "copy the value");
  if (obj instanceof StructureInstance) return StructureInstance.copyOf(obj, newPlace);
  if (obj instanceof StructureArray) return StructureArray.copyOf(obj);
  const type = scalarTypeOfView(obj);
  if (type === undefined) throw notRaw("copy", obj);
  const view = newView(type.View, (obj as View).length);
  view.set(obj as ArrayLike<never>);
  return view;
}

/** What has a lock and has had none. */
export function withLock(obj: unknown, lock: Lock | RLock | true = true): unknown {
  requireLock(lock, "synchronize the object", isLock);
  if (obj instanceof Scalar || obj instanceof StructureInstance) return guarded(obj, protectionOf(lock));
  if (obj instanceof StructureArray) return synchronizedArray(obj, null, protectionOf(lock));
  const type = scalarTypeOfView(obj);
  if (type === undefined || !isShared((obj as View).buffer)) throw notRaw("synchronize", obj);
  return synchronizedArray(obj as View, type.code, protectionOf(lock));
}

function guarded(raw: Scalar<unknown> | StructureInstance, protection: Protection): unknown {
  if (raw instanceof Scalar) return new Synchronized(raw, protection);
  return synchronizedStructure(raw as Structured<Fields>, protection);
}

function placeOf(raw: Scalar<unknown> | StructureInstance): Place {
  return raw instanceof Scalar ? Scalar.placeOf(raw) : StructureInstance.partsOf(raw).place;
}

function protectionOf(lock: Lock | RLock | true, name = ""): Protection {
  if (lock !== true) return { lock, isOwn: false };
  return { lock: new RLock(name === "" ? {} : { name }), isOwn: true };
}

function notRaw(action: string, given: unknown): TypeError {
  return new TypeError(
    `Cannot ${action} ${Deno.inspect(given)}: wanted what RawValue or RawArray returns, or a view of its memory`,
  );
}
