// Arrays in shared memory as the synchronized wrapper sees them: typed arrays and arrays of structures alike.

import { closedError, partsOf } from "../addon/handles.ts";
import { glance } from "../runtime/harmless.ts";
import { register } from "../reduction/registry.ts";
import { checkIndex, elementsOf, iterableOf } from "./elements.ts";
import type { StructureSpec } from "./fields.ts";
import {
  closePlace,
  type Demand,
  newPlace,
  type Place,
  type PlaceReference,
  placeReference,
  restorePlace,
} from "./memory.ts";
import { type Fields, type Structured, type StructureInit, type StructureType, typeOfSpec } from "./structure.ts";
import { StructureInstance } from "./structure_instance.ts";
import type { ScalarType, Stored, View } from "./types.ts";
import { showAsText } from "../runtime/shown.ts";

/** The wrapper's access to an array. Indices are known to be within it. */
export interface Sequence<T, S> {
  readonly length: number;
  read(index: number): T;
  /** Checks an element before it is written. */
  prepare(value: unknown): unknown;
  /** Checks several. */
  prepareAll(values: unknown): ArrayLike<unknown>;
  write(index: number, prepared: unknown): void;
  /** Writes several, from `start` on. They may lie in the same memory. */
  writeAll(start: number, prepared: ArrayLike<unknown>): void;
  /** A copy of a part, in memory that is not shared. */
  copy(start: number | undefined, end: number | undefined): S;
}

/** A typed array. */
export class ViewSequence implements Sequence<unknown, unknown> {
  readonly length: number;
  readonly type: ScalarType;
  readonly view: View;

  constructor(type: ScalarType, view: View) {
    this.length = view.length;
    this.type = type;
    this.view = view;
  }

  read(index: number): unknown {
    const stored = this.view[index];
    return this.type.load === null ? stored : this.type.load(stored);
  }

  prepare(value: unknown): Stored {
    return this.type.store(value);
  }

  prepareAll(values: unknown): ArrayLike<Stored> {
    return elementsOf(this.type, values, "set the slice");
  }

  write(index: number, prepared: unknown): void {
    (this.view as { [index: number]: Stored })[index] = prepared as Stored;
  }

  writeAll(start: number, prepared: ArrayLike<unknown>): void {
    this.view.set(prepared as ArrayLike<never>, start);
  }

  /** Characters come as a string, everything else as a typed array. */
  copy(start: number | undefined, end: number | undefined): unknown {
    const copy = this.view.slice(start, end);
    const { load } = this.type;
    return load === null ? copy : Array.from(copy, load).join("");
  }
}

function isLength(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** An array of structures in shared memory, without a lock. Made by `RawArray`. */
export class StructureArray<F extends Fields> implements Disposable {
  static {
    showAsText(StructureArray);
    register(StructureArray, {
      name: "multiprocessing.StructureArray",
      reduce: (array: StructureArray<Fields>): [StructureSpec, number, PlaceReference] => [
        array.#type.spec,
        array.length,
        placeReference(array.#place),
      ],
      restore(data) {
        const [spec, length, reference] = partsOf(data, "an array of structures");
        const type = typeOfSpec(spec);
        if (!isLength(length)) {
          throw new RangeError(`Cannot restore an array of structures: its length is ${glance(length)}`);
        }
        return new StructureArray(type, length, restorePlace(reference, demandOf(type, length)));
      },
    });
  }

  /** The number of structures. */
  readonly length: number;
  readonly #type: StructureType<F>;
  readonly #place: Place;

  /** @ignore Made by `RawArray`. */
  constructor(type: StructureType<F>, length: number, place: Place = newPlace(demandOf(type, length))) {
    this.length = length;
    this.#type = type;
    this.#place = place;
  }

  /** @ignore An array of as many structures as are given. */
  static of(type: StructureType<Fields>, given: unknown, action: string): StructureArray<Fields> {
    const prepared = Array.from(iterableOf(given, action), (values) => type.prepare(values));
    const array = new StructureArray(type, prepared.length);
    prepared.forEach((values, index) => array.#write(index, values));
    return array;
  }

  /** @ignore A copy in new shared memory. */
  static copyOf<F extends Fields>(array: StructureArray<F>): StructureArray<F> {
    const copy = new StructureArray(array.#type, array.length);
    for (let i = 0; i < array.length; i++) copy.set(i, array.get(i) as unknown as StructureInit<F>);
    return copy;
  }

  /** @ignore As the synchronized wrapper sees it. */
  static sequenceOf<F extends Fields>(array: StructureArray<F>): Sequence<unknown, unknown> {
    const type = array.#type;
    return {
      length: array.length,
      read: (index) => array.get(index),
      prepare: (value) => type.prepare(value),
      prepareAll: (values) => Array.from(iterableOf(values, "set the slice"), (value) => type.prepare(value)),
      write: (index, prepared) => array.#write(index, prepared),
      writeAll(start, prepared) {
        for (let i = 0; i < prepared.length; i++) array.#write(start + i, prepared[i]);
      },
      copy(start, end) {
        const indices = [...Array(array.length).keys()].slice(start, end);
        return indices.map((index) => StructureInstance.snapshot(array.get(index)));
      },
    };
  }

  /**
   * The structure at an index: a view, not a copy.
   *
   * @throws {RangeError} If the index is not within the array.
   */
  get(index: number): Structured<F> {
    checkIndex(index, this.length, "get an element");
    this.#open("get an element");
    return this.#type.instance(this.#place, index * this.#type.size);
  }

  /**
   * Sets fields of the structure at an index.
   *
   * @throws {RangeError} If the index is not within the array, or a field cannot hold its value.
   */
  set(index: number, values: StructureInit<F>): void {
    checkIndex(index, this.length, "set an element");
    this.#write(index, this.#type.prepare(values));
  }

  #write(index: number, prepared: unknown): void {
    this.#open("set an element");
    const { buffer, byteOffset } = this.#place;
    const { size } = this.#type;
    this.#type.write(new DataView(buffer, byteOffset + index * size, size), 0, prepared);
  }

  #open(action: string): void {
    if (this.#place.handle.closed) throw closedError(action, "array");
  }

  /** The structures in their order, as views. */
  *[Symbol.iterator](): Generator<Structured<F>, void, unknown> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }

  /** Gives up this process's share; a second call does nothing. */
  close(): void {
    closePlace(this.#place, this.#type.hasViews);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Such as `<StructureArray(length=2)>`; for messages. */
  toString(): string {
    return `<StructureArray(${this.#place.handle.closed ? "closed" : `length=${this.length}`})>`;
  }
}

function demandOf({ size, alignment, hasViews }: Demand, length: number): Demand {
  return { size: size * length, alignment, hasViews };
}
