// Structures: several named values side by side, laid out as C lays them out.

import { partsOf } from "../addon/handles.ts";
import { register, registerAlias } from "../reduction/registry.ts";
import { ArrayField, type Field, type Member, ScalarField, type StructureSpec } from "./fields.ts";
import { type Place, type PlaceReference, placeReference, restorePlace } from "./memory.ts";
import { StructureInstance } from "./structure_instance.ts";
import { badType, type Codes, type Copies, type Elements, scalarType, type TypeCode, type Views } from "./types.ts";
import { glance, quoted } from "../runtime/harmless.ts";
import { showAsText, shownValue } from "../runtime/shown.ts";
import { KnownTypes } from "./known_types.ts";

/** The fields of a structure, by name, in the order in which they lie in memory. */
export interface Fields {
  /** The type of the field of that name. */
  readonly [name: string]: Codes[TypeCode] | readonly [type: TypeCode, length: number] | StructureType<Fields>;
}

/** The type of one field: a single value, an array of a fixed length, or another structure. */
export type FieldType = Fields[string];

/** The JavaScript type of a field. */
export type FieldValue<T> = T extends TypeCode ? Elements[T]
  : T extends readonly [infer C extends TypeCode, number] ? Views[C]
  : T extends StructureType<infer F> ? Structured<F>
  : never;

/** The fields of a structure as properties. */
export type FieldValues<F> = { -readonly [K in keyof F]: FieldValue<F[K]> };

/** Values that a field may be set to. */
export type FieldInit<T> = T extends TypeCode ? Elements[T]
  : T extends readonly [infer C extends TypeCode, number] ? string | Iterable<Elements[C]>
  : T extends StructureType<infer F> ? StructureInit<F>
  : never;

/** Values that a structure may be set to: some of its fields. Another structure of the same fields will do. */
export type StructureInit<F> = { readonly [K in keyof F]?: FieldInit<F[K]> };

/** The contents of a structure at one moment, as plain data. */
export type Snapshot<F> = {
  [K in keyof F]: F[K] extends StructureType<infer G> ? Snapshot<G>
    : F[K] extends readonly [infer C extends TypeCode, number] ? Copies[C]
    : FieldValue<F[K]>;
};

/** A structure in shared memory, without a lock: its fields are properties. */
export type Structured<F> = StructureInstance & FieldValues<F>;

/** The name by which all structures travel. */
const REGISTERED_NAME = "multiprocessing.Structure";

/** Names that mean something else on structures or on their synchronized wrappers. */
const RESERVED: ReadonlySet<string> = new Set([
  "acquire",
  "acquireSync",
  "close",
  "getLock",
  "getObj",
  "release",
  "tryAcquire",
  "value",
]);

/** More is refused: a few bytes of a message could describe any number, a structure of structures of structures … */
const MOST_FIELDS = 10_000;
const MOST_LEVELS = 64;

function requireBounded({ fieldCount, levels }: { readonly fieldCount: number; readonly levels: number }): void {
  if (fieldCount > MOST_FIELDS) {
    throw new RangeError(
      `Cannot define the Structure: with those of its structures it has ${fieldCount} fields, at most ${MOST_FIELDS} ` +
        "are wanted; an array is one field",
    );
  }
  if (levels > MOST_LEVELS) {
    throw new RangeError(
      `Cannot define the Structure: structures lie ${levels} deep in it, at most ${MOST_LEVELS} may`,
    );
  }
}

/** The type of all structures with the same fields. Made by {@linkcode Structure}. */
export class StructureType<F extends Fields> {
  static {
    showAsText(StructureType);
    register(StructureType, {
      name: "multiprocessing.StructureType",
      reduce: ({ spec }: StructureType<Fields>) => spec,
      restore: typeOfSpec,
    });
    showAsText(StructureInstance);
    register(StructureInstance, {
      name: REGISTERED_NAME,
      reduce(instance): [StructureSpec, PlaceReference] {
        const { layout, place } = StructureInstance.partsOf(instance);
        return [layout.spec, placeReference(place)];
      },
      restore(data) {
        const [spec, reference] = partsOf(data, "a Structure");
        const type = typeOfSpec(spec);
        return type.instance(restorePlace(reference, type));
      },
    });
  }

  /** The bytes of a structure, those included that only keep the next aligned. */
  readonly size: number;
  /** Bytes: the address of a structure is a multiple of it. */
  readonly alignment: number;
  /** @ignore */
  readonly hasViews: boolean;
  /** @ignore */
  readonly spec: StructureSpec;
  /** @ignore */
  readonly members: readonly Member[];
  /** @ignore How many single values and arrays there are in it, those of its structures included. */
  readonly fieldCount: number;
  /** @ignore How deep structures lie in it; 1 if none does. */
  readonly levels: number;
  /** The class of the instances, made when the first is. */
  #Instance: typeof StructureInstance | undefined;
  /** Only for the type checker: it tells types with other fields apart. */
  declare readonly fields: F;

  /** @ignore Made by {@linkcode Structure}. */
  constructor(fields: F) {
    const members: Member[] = [];
    let [end, alignment] = [0, 1];
    for (const [name, type] of Object.entries(fields)) {
      if (RESERVED.has(name) || name in Object.prototype) {
        throw new RangeError(`Cannot define the Structure: a field cannot be named ${quoted(name)}`);
      }
      const field = fieldOf(name, type);
      const at = roundUp(end, field.alignment);
      members.push({ name, field, at });
      end = at + field.size;
      alignment = Math.max(alignment, field.alignment);
    }
    const inner = members.flatMap(({ field }) => field instanceof StructureType ? [field] : []);
    this.fieldCount = inner.reduce((sum, { fieldCount }) => sum + fieldCount, members.length - inner.length);
    this.levels = inner.reduce((most, { levels }) => Math.max(most, levels + 1), 1);
    requireBounded(this);
    this.members = members;
    this.alignment = alignment;
    this.size = roundUp(end, alignment);
    this.hasViews = members.some(({ field }) => field.hasViews);
    this.spec = Object.fromEntries(members.map(({ name, field }) => [name, field.spec]));
  }

  /** @ignore */
  prepare(values: unknown): Map<Member, unknown> {
    if (typeof values !== "object" || values === null) {
      throw new TypeError(`Cannot set the Structure: ${Deno.inspect(values)} was given, wanted an object of fields`);
    }
    const given = values instanceof StructureInstance ? StructureInstance.snapshot(values) : values;
    const prepared = new Map<Member, unknown>();
    for (const [name, value] of Object.entries(given)) {
      const member = this.members.find((member) => member.name === name);
      if (member === undefined) {
        const names = this.members.map(({ name }) => `"${name}"`).join(", ");
        throw new RangeError(`Cannot set the Structure: it has no field "${name}", it has ${names}`);
      }
      prepared.set(member, member.field.prepare(value));
    }
    return prepared;
  }

  /** @ignore */
  write(view: DataView, at: number, prepared: unknown): void {
    for (const [member, value] of prepared as Map<Member, unknown>) member.field.write(view, at + member.at, value);
  }

  /** @ignore */
  read(_view: DataView, at: number, place: Place, within: number): Structured<F> {
    return this.instance(place, within + at);
  }

  /** @ignore */
  snapshot(view: DataView, at: number): Record<string, unknown> {
    return Object.fromEntries(
      this.members.map(({ name, field, at: within }) => [name, field.snapshot(view, at + within)]),
    );
  }

  /** @ignore The structure that begins `within` bytes after a place. */
  instance(place: Place, within = 0): Structured<F> {
    const Instance = this.#Instance ??= defineInstance(this.members);
    return new Instance(this, place, within) as Structured<F>;
  }

  /** As it is written: `Structure({ x: "f64", n: "i32" })`. */
  toString(): string {
    return `Structure(${shownValue(this.spec)})`;
  }
}

function roundUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

function fieldOf(name: string, type: FieldType): Field {
  if (type instanceof StructureType) return type;
  const [code, length] = Array.isArray(type) ? type : [type];
  const scalar = scalarType(code);
  if (scalar === undefined) throw badType(`define the field ${quoted(name)}`, type);
  if (!Array.isArray(type)) return new ScalarField(scalar);
  if (type.length !== 2) {
    throw new TypeError(`Cannot define the field ${quoted(name)}: ${glance(type)} was given, wanted [type, length]`);
  }
  if (Number.isSafeInteger(length) && length >= 0) return new ArrayField(scalar, length);
  throw new RangeError(
    `Cannot define the field ${quoted(name)}: its length is ${glance(length)}, wanted an integer >= 0`,
  );
}

/** A class with the members as accessors; its instances travel as all structures do. */
function defineInstance(members: readonly Member[]): typeof StructureInstance {
  const Instance = class Structure extends StructureInstance {};
  for (const member of members) {
    Object.defineProperty(Instance.prototype, member.name, StructureInstance.accessorOf(member));
  }
  registerAlias(Instance, REGISTERED_NAME);
  return Instance;
}

/**
 * The type of structures with these fields, laid out as C does it: in this order, each aligned. For `Value`, `Array`,
 * `RawValue` and `RawArray`.
 *
 * @throws {TypeError} If a field's type is not known.
 * @throws {RangeError} If a field has a name that a structure's own members have, an array has no valid length, or there
 * are more than 10 000 fields, or structures more than 64 deep.
 *
 * @example A point with a label
 * ```ts
 * import { Structure, Value } from "@parallel/multiprocessing/sharedctypes";
 * import { assertEquals } from "@std/assert";
 *
 * const Point = Structure({ x: "f64", y: "f64", label: ["c", 8] });
 * using point = Value(Point, { x: 1, label: "origin" });
 * point.x += 0.5;
 * assertEquals([point.x, point.y, Point.size], [1.5, 0, 24]);
 * ```
 */
export function Structure<const F extends Fields>(fields: F): StructureType<F> {
  if (typeof fields !== "object" || fields === null) {
    throw new TypeError(`Cannot define the Structure: ${Deno.inspect(fields)} was given, wanted an object of types`);
  }
  return types.define(new StructureType(fields as Fields)) as unknown as StructureType<F>;
}

/** One type for the same fields, in whatever order of definition and arrival, so that instances have one class. */
const types = new KnownTypes<StructureType<Fields>>();

/** The type that a message describes. */
export function typeOfSpec(spec: unknown): StructureType<Fields> {
  try {
    return typeIn(spec as StructureSpec, new Map());
  } catch (cause) {
    throw new RangeError(`Cannot restore a Structure: its description is malformed: ${glance(spec)}`, { cause });
  }
}

/** As {@linkcode typeOfSpec}; `made` are those of the same message, which may name one at many places. */
function typeIn(spec: StructureSpec, made: Map<StructureSpec, StructureType<Fields> | null>): StructureType<Fields> {
  const before = made.get(spec);
  if (before === null) throw new RangeError("it is part of itself");
  if (before !== undefined) return before;
  if (typeof spec !== "object" || spec === null) {
    throw new TypeError(`it is ${glance(spec)}, wanted an object of types`);
  }
  made.set(spec, null);
  const fields = Object.entries(spec).map(([name, part]): [string, FieldType] => {
    return [
      name,
      typeof part === "string" || Array.isArray(part) ? part as FieldType : typeIn(part as StructureSpec, made),
    ];
  });
  const type = types.receive(new StructureType(Object.fromEntries(fields)));
  made.set(spec, type);
  return type;
}
