// A structure with a lock.

import { partsOf } from "../addon/handles.ts";
import { register, registerAlias } from "../reduction/registry.ts";
import type { Lock } from "../synchronize/lock.ts";
import { enter } from "../synchronize/lock_base.ts";
import type { RLock } from "../synchronize/rlock.ts";
import { Guarded, type Protection, type ProtectionData, restoreProtection } from "./guarded.ts";
import type { Member } from "./fields.ts";
import type { Fields, FieldValues, Snapshot, Structured, StructureInit } from "./structure.ts";
import { StructureInstance, type StructureLayout } from "./structure_instance.ts";

/** A structure in shared memory, with a lock: its fields are properties. Made by `Value`. */
export type SynchronizedStructure<F extends Fields> = SynchronizedStructureBase<F> & FieldValues<F>;

/** The name by which all synchronized structures travel. */
const REGISTERED_NAME = "multiprocessing.SynchronizedStructure";

/**
 * What all structures with a lock have in common; their fields are accessors of subclasses, which take the lock each.
 */
export class SynchronizedStructureBase<F extends Fields> extends Guarded<Structured<F>> {
  static {
    register(SynchronizedStructureBase, {
      name: REGISTERED_NAME,
      reduce: (value: SynchronizedStructureBase<Fields>): [Structured<Fields>, ProtectionData] => [
        value.#raw,
        value.protectionData(),
      ],
      restore(parts) {
        const [raw, data] = partsOf(parts, "a synchronized structure");
        if (!(raw instanceof StructureInstance)) {
          throw new RangeError("Cannot restore a synchronized structure: it has no structure");
        }
        const { handle } = StructureInstance.partsOf(raw).place;
        return synchronizedStructure(raw, restoreProtection(data, handle));
      },
    });
  }

  readonly #raw: Structured<F>;
  readonly #lock: Lock | RLock;

  /** @ignore Made by `Value`. */
  constructor(raw: Structured<F>, protection: Protection) {
    super(protection);
    this.#raw = raw;
    this.#lock = protection.lock;
  }

  /** @ignore The accessor of a field. */
  static accessorOf(member: Member): PropertyDescriptor & ThisType<SynchronizedStructureBase<Fields>> {
    const action = `use "${member.name}"`;
    return {
      get() {
        const entered = this.#enter(action);
        try {
          return StructureInstance.read(this.#raw, member);
        } finally {
          if (entered) this.#lock.release();
        }
      },
      set(value: unknown) {
        const prepared = member.field.prepare(value);
        const entered = this.#enter(action);
        try {
          StructureInstance.writeMember(this.#raw, member, prepared);
        } finally {
          if (entered) this.#lock.release();
        }
      },
      enumerable: true,
    };
  }

  /**
   * All fields at one moment, as plain data. Setting it sets the fields that are given, all or none of them.
   *
   * @throws {InvalidStateError} If it is closed.
   * @throws {OwnerDiedError} If the holder of the lock was killed.
   * @throws {TypeError} When set, if a field is not of the right kind.
   * @throws {RangeError} When set, if a field cannot hold its value, or is not one of the structure's.
   */
  get value(): Snapshot<F> {
    const entered = this.#enter("get the value");
    try {
      return StructureInstance.snapshot(this.#raw) as Snapshot<F>;
    } finally {
      if (entered) this.#lock.release();
    }
  }

  set value(value: StructureInit<F>) {
    const prepared = StructureInstance.prepare(this.#raw, value);
    const entered = this.#enter("set the value");
    try {
      StructureInstance.write(this.#raw, prepared);
    } finally {
      if (entered) this.#lock.release();
    }
  }

  /** What is guarded, for use without the lock or while it is held. */
  override getObj(): Structured<F> {
    return this.#raw;
  }

  /** Gives up this process's share, also in a lock that was made for it; a second call does nothing. */
  override close(): void {
    super.close();
    this.#raw.close();
  }

  /** The fields, their values and the lock. */
  override toString(): string {
    return `<Synchronized(${this.#raw}, ${this.#lock})>`;
  }

  #enter(action: string): boolean {
    StructureInstance.requireOpen(this.#raw, action);
    return this.#lock[enter]();
  }
}

/** The classes of the wrappers, by the types of what they wrap. */
const classes = new WeakMap<StructureLayout, typeof SynchronizedStructureBase<Fields>>();

/** The wrapper of a structure. */
export function synchronizedStructure<F extends Fields>(
  raw: Structured<F>,
  protection: Protection,
): SynchronizedStructure<F> {
  const { layout } = StructureInstance.partsOf(raw);
  const Class = classes.get(layout) ?? defineClass(layout);
  return new Class(raw, protection) as unknown as SynchronizedStructure<F>;
}

function defineClass(layout: StructureLayout): typeof SynchronizedStructureBase<Fields> {
  const Class = class SynchronizedStructure extends SynchronizedStructureBase<Fields> {};
  for (const member of layout.members) {
    Object.defineProperty(Class.prototype, member.name, SynchronizedStructureBase.accessorOf(member));
  }
  registerAlias(Class, REGISTERED_NAME);
  classes.set(layout, Class);
  return Class;
}
