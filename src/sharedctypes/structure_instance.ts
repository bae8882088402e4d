// A structure in shared memory, whatever its fields.

import { shownValue } from "../runtime/shown.ts";
import { closedError } from "../addon/handles.ts";
import type { Field, Member, StructureSpec } from "./fields.ts";
import { closePlace, type Demand, type Place } from "./memory.ts";

/** The facts about its type that an instance knows. */
export interface StructureLayout extends Field {
  readonly spec: StructureSpec;
  readonly members: readonly Member[];
  instance(place: Place): StructureInstance;
  snapshot(view: DataView, at: number): Record<string, unknown>;
}

/** What all structures in shared memory have in common; their fields are accessors of subclasses. */
export class StructureInstance implements Disposable {
  readonly #layout: StructureLayout;
  readonly #place: Place;
  /** Where the structure begins after the place: not 0 if it is part of another. */
  readonly #within: number;
  readonly #view: DataView;

  /** @ignore Made by `RawValue`. */
  constructor(layout: StructureLayout, place: Place, within: number) {
    this.#layout = layout;
    this.#place = place;
    this.#within = within;
    this.#view = new DataView(place.buffer, place.byteOffset + within, layout.size);
  }

  /** @ignore What one is made of. */
  static partsOf(instance: StructureInstance): { layout: StructureLayout; place: Place } {
    const { byteOffset, within, ...place } = instance.#place;
    const shift = instance.#within;
    return { layout: instance.#layout, place: { ...place, byteOffset: byteOffset + shift, within: within + shift } };
  }

  /** @ignore The value of a field. */
  static read(instance: StructureInstance, { field, at }: Member): unknown {
    return field.read(instance.#open("get a field"), at, instance.#place, instance.#within);
  }

  /** @ignore Writes what the field has prepared. */
  static writeMember(instance: StructureInstance, { field, at }: Member, prepared: unknown): void {
    field.write(instance.#open("set a field"), at, prepared);
  }

  /** @ignore Checks values for some of the fields. */
  static prepare(instance: StructureInstance, values: unknown): unknown {
    return instance.#layout.prepare(values);
  }

  /** @ignore Writes what the type has prepared. */
  static write(instance: StructureInstance, prepared: unknown): void {
    instance.#layout.write(instance.#open("set the fields"), 0, prepared);
  }

  /** @ignore A copy at a new place. */
  static copyOf(instance: StructureInstance, reserve: (demand: Demand) => Place): StructureInstance {
    const layout = instance.#layout;
    const prepared = layout.prepare(instance);
    const copy = layout.instance(reserve(layout));
    StructureInstance.write(copy, prepared);
    return copy;
  }

  /** @ignore The fields as plain data. */
  static snapshot(instance: StructureInstance): Record<string, unknown> {
    return instance.#layout.snapshot(instance.#open("get the fields"), 0);
  }

  /** @ignore The accessor of a field. */
  static accessorOf(member: Member): PropertyDescriptor & ThisType<StructureInstance> {
    return {
      get() {
        return StructureInstance.read(this, member);
      },
      set(value: unknown) {
        StructureInstance.writeMember(this, member, member.field.prepare(value));
      },
      enumerable: true,
    };
  }

  /** @ignore */
  static requireOpen(instance: StructureInstance, action: string): void {
    instance.#open(action);
  }

  /** Gives up this process's share in the memory; a second call does nothing. */
  close(): void {
    closePlace(this.#place, this.#layout.hasViews);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** The fields and their values. */
  toString(): string {
    return `<Structure(${this.#place.handle.closed ? "closed" : shownValue(StructureInstance.snapshot(this))})>`;
  }

  #open(action: string): DataView {
    if (this.#place.handle.closed) throw closedError(action, "Structure");
    return this.#view;
  }
}
