// A single value in shared memory, without a lock: what RawValue() makes of a typecode.

import { closedError, partsOf } from "../addon/handles.ts";
import { register } from "../reduction/registry.ts";
import { newPlace, type Place, type PlaceReference, placeReference, restorePlace } from "./memory.ts";
import { type ScalarType, scalarType, type Stored, type TypeCode, type View } from "./types.ts";
import { showAsText, shownValue } from "../runtime/shown.ts";

/** The demand of a scalar on its place. */
export function demandOf({ size }: ScalarType): { size: number; alignment: number; hasViews: boolean } {
  return { size, alignment: size, hasViews: false };
}

/**
 * A single value in shared memory, without a lock. Made by `RawValue`; the `getObj()` of a value with a lock.
 */
export class Scalar<T> implements Disposable {
  static {
    showAsText(Scalar);
    register(Scalar, {
      name: "multiprocessing.Scalar",
      reduce: (scalar: Scalar<unknown>): [TypeCode, PlaceReference] => [
        scalar.type.code,
        placeReference(scalar.#place),
      ],
      restore(data) {
        const [code, reference] = partsOf(data, "a value");
        const type = scalarType(code);
        if (type === undefined) throw new RangeError("Cannot restore a value: bad typecode");
        return new Scalar(type, restorePlace(reference, demandOf(type)));
      },
    });
  }

  /** @ignore How the value lies in memory. */
  readonly type: ScalarType<T>;
  readonly #place: Place;
  readonly #view: View;

  /** @ignore Made by `RawValue`. */
  constructor(type: ScalarType<T>, place: Place = newPlace(demandOf(type))) {
    this.type = type;
    this.#place = place;
    this.#view = new type.View(place.buffer, place.byteOffset, 1);
  }

  /** @ignore Where a value lies. Its buffer may be a window, which shows others' cells: it is not for users. */
  static placeOf(scalar: Scalar<unknown>): Place {
    return scalar.#place;
  }

  /**
   * The value.
   *
   * @throws {InvalidStateError} If it is closed.
   * @throws {TypeError} When set, if it is not of the right kind.
   * @throws {RangeError} When set, if the type cannot hold it.
   */
  get value(): T {
    this.requireOpen("get the value");
    const stored = this.#view[0];
    const { load } = this.type;
    return load === null ? stored as T : load(stored);
  }

  set value(value: T) {
    const stored = this.type.store(value);
    this.requireOpen("set the value");
    (this.#view as { [index: number]: Stored })[0] = stored;
  }

  /** @ignore */
  requireOpen(action: string): void {
    if (this.#place.handle.closed) throw closedError(action, "value");
  }

  /** Gives up this process's share; a second call does nothing. */
  close(): void {
    this.#place.handle.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The type and the value. */
  toString(): string {
    const value = this.#place.handle.closed ? "closed" : shownValue(this.value);
    return `<RawValue("${this.type.code}", ${value})>`;
  }
}
