// The fields of structures: single values and arrays of a fixed length, wherever in memory they begin.

import { elementsOf } from "./elements.ts";
import { type Demand, isShared, type Place } from "./memory.ts";
import type { ScalarType, Stored, TypeCode, View } from "./types.ts";

/** How a type is described in a message. */
export type Spec = TypeCode | readonly [TypeCode, number] | StructureSpec;

/** How a structure is described in a message: its fields in their order. */
export interface StructureSpec {
  readonly [name: string]: Spec;
}

/** How a field lies in memory, wherever it begins. */
export interface Field extends Demand {
  readonly spec: Spec;
  /** Checks a value before anything is written. */
  prepare(value: unknown): unknown;
  /** Writes what `prepare` has returned. */
  write(view: DataView, at: number, prepared: unknown): void;
  /** What the property is: for what has parts, a view of them. `place` and `within` are those of the structure. */
  read(view: DataView, at: number, place: Place, within: number): unknown;
  /** Its present contents, as plain data. */
  snapshot(view: DataView, at: number): unknown;
}

/** A field and where in the structure it begins. */
export interface Member {
  readonly name: string;
  readonly field: Field;
  readonly at: number;
}

/** The byte order of typed arrays. */
const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** DataView's methods, by name. */
type Methods = Record<string, (at: number, ...rest: unknown[]) => Stored>;

/** A single value. */
export class ScalarField implements Field {
  readonly size: number;
  readonly alignment: number;
  readonly hasViews = false;
  readonly spec: TypeCode;
  readonly #type: ScalarType;
  readonly #get: string;
  readonly #set: string;

  constructor(type: ScalarType) {
    this.size = this.alignment = type.size;
    this.spec = type.code;
    this.#type = type;
    const kind = type.View.name.slice(0, -"Array".length);
    this.#get = `get${kind}`;
    this.#set = `set${kind}`;
  }

  prepare(value: unknown): Stored {
    return this.#type.store(value);
  }

  write(view: DataView, at: number, prepared: unknown): void {
    (view as unknown as Methods)[this.#set](at, prepared, LITTLE_ENDIAN);
  }

  read(view: DataView, at: number): unknown {
    const stored = (view as unknown as Methods)[this.#get](at, LITTLE_ENDIAN);
    return this.#type.load === null ? stored : this.#type.load(stored);
  }

  snapshot(view: DataView, at: number): unknown {
    return this.read(view, at);
  }
}

/** An array of a fixed length. */
export class ArrayField implements Field {
  readonly size: number;
  readonly alignment: number;
  readonly hasViews = true;
  readonly spec: Spec;
  readonly #type: ScalarType;
  readonly #length: number;

  constructor(type: ScalarType, length: number) {
    this.size = type.size * length;
    this.alignment = type.size;
    this.spec = [type.code, length];
    this.#type = type;
    this.#length = length;
  }

  /** What is in shared memory is copied: writing may change it, here or in another field. */
  prepare(value: unknown): ArrayLike<Stored> {
    const elements = elementsOf(this.#type, value, "set the field");
    if (elements.length > this.#length) {
      throw new RangeError(
        `Cannot set the field: ${elements.length} elements were given, there is room for ${this.#length}`,
      );
    }
    return ArrayBuffer.isView(elements) && isShared(elements.buffer) ? (elements as View).slice() : elements;
  }

  /** As in C, what is not given becomes 0. */
  write(view: DataView, at: number, prepared: unknown): void {
    new Uint8Array(view.buffer, view.byteOffset + at, this.size).fill(0);
    this.read(view, at).set(prepared as ArrayLike<never>);
  }

  read(view: DataView, at: number): InstanceType<ScalarType["View"]> {
    return new this.#type.View(view.buffer, view.byteOffset + at, this.#length);
  }

  snapshot(view: DataView, at: number): unknown {
    return this.read(view, at).slice();
  }
}
