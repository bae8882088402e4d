// What dicts, lists and sets of the engine ought to do, without Redis: a model to compare the library of functions with. It
// is written from the tables at the heads of dict.lua, list.lua, set.lua and kept.lua.

import { Carried } from "./queue_model.ts";
import { GONE, type Outcome } from "./synchronize_model.ts";

/** What a container is given: bytes, and what goes with them. */
export interface Value {
  readonly carries: Carried | null;
  readonly bytes: string;
}

/** The two texts of a value, as steps have them. */
export function textsOf({ carries, bytes }: Value): [objects: string, bytes: string] {
  return [carries?.id ?? "", bytes];
}

interface Kept {
  readonly stamp: number;
  readonly value: Value;
}

/** What containers have in common. */
abstract class Container extends Carried {
  stamp = 0;

  protected abstract all(): Kept[];

  protected keep(value: Value): Kept {
    if (value.carries !== null) value.carries.shares++;
    return { stamp: ++this.stamp, value };
  }

  protected drop({ value: { carries } }: Kept): void {
    if (carries === null) return;
    carries.shares--;
    carries.settle();
  }

  protected give(member: number, { value }: Kept): string[] {
    value.carries?.arrive(member);
    return textsOf(value);
  }

  /** Whether it is there, and can be given these values. */
  protected refusal(...values: Value[]): Outcome | null {
    return this.gone || values.some(({ carries }) => carries?.gone) ? GONE : null;
  }

  override destroy(): void {
    for (const kept of this.all()) this.drop(kept);
  }
}

/** A dict, or a Namespace. */
export class Dict extends Container {
  readonly keys = new Map<string, Kept>();
  lastGone = 0;

  protected all(): Kept[] {
    return [...this.keys.values()];
  }

  version(key: string): string {
    return `${this.keys.get(key)?.stamp ?? `-${this.lastGone}`}`;
  }

  #put(key: string, value: Value): void {
    const before = this.keys.get(key);
    this.keys.set(key, this.keep(value));
    if (before !== undefined) this.drop(before);
  }

  /** Takes a key away; what `use` makes of its value. */
  #remove(key: string, use: (kept: Kept) => string[] = () => []): string[] {
    const kept = this.keys.get(key)!;
    this.keys.delete(key);
    this.lastGone = ++this.stamp;
    const used = use(kept);
    this.drop(kept);
    return used;
  }

  size(): Outcome {
    return this.refusal() ?? ["ok", `${this.keys.size}`];
  }

  get(member: number, key: string): Outcome {
    const kept = this.keys.get(key);
    return this.refusal() ?? ["ok", ...kept ? this.give(member, kept) : []];
  }

  set(key: string, value: Value): Outcome {
    const why = this.refusal(value);
    if (why === null) this.#put(key, value);
    return why ?? ["ok"];
  }

  delete(key: string): Outcome {
    if (this.gone) return GONE;
    const has = this.keys.has(key);
    if (has) this.#remove(key);
    return ["ok", has ? "1" : "0"];
  }

  take(member: number, key: string): Outcome {
    if (this.gone) return GONE;
    return ["ok", ...this.keys.has(key) ? this.#remove(key, (kept) => this.give(member, kept)) : []];
  }

  last(member: number): Outcome {
    if (this.gone) return GONE;
    const key = [...this.keys.keys()].at(-1);
    return key === undefined ? ["ok"] : ["ok", key, ...this.#remove(key, (kept) => this.give(member, kept))];
  }

  default(member: number, key: string, value: Value): Outcome {
    const why = this.refusal(value);
    if (why !== null) return why;
    if (!this.keys.has(key)) this.#put(key, value);
    return ["ok", ...this.give(member, this.keys.get(key)!)];
  }

  update(pairs: readonly [string, Value][]): Outcome {
    const why = this.refusal(...pairs.map(([, value]) => value));
    if (why === null) { for (const [key, value] of pairs) this.#put(key, value); }
    return why ?? ["ok"];
  }

  clear(): Outcome {
    if (this.gone) return GONE;
    const all = this.all();
    this.keys.clear();
    this.lastGone = ++this.stamp;
    all.forEach((kept) => this.drop(kept));
    return ["ok"];
  }

  items(member: number): Outcome {
    return this.refusal() ?? ["ok", ...[...this.keys].flatMap(([key, kept]) => [key, ...this.give(member, kept)])];
  }

  read(member: number, key: string): Outcome {
    const kept = this.keys.get(key);
    return this.refusal() ?? ["ok", this.version(key), ...kept ? this.give(member, kept) : []];
  }

  assign(member: number, key: string, known: string, value: Value): Outcome {
    const why = this.refusal(value);
    if (why !== null) return why;
    if (this.version(key) !== known) return ["ok", "0", ...this.read(member, key).slice(1)];
    this.#put(key, value);
    return ["ok", "1"];
  }
}

/** A list. */
export class List extends Container {
  items: Kept[] = [];

  protected all(): Kept[] {
    return this.items;
  }

  #cut(index: number): number {
    const { length } = this.items;
    return index < 0 ? Math.max(0, index + length) : Math.min(index, length);
  }

  #place(index: number): number | null {
    const at = index < 0 ? index + this.items.length : index;
    return at >= 0 && at < this.items.length ? at : null;
  }

  #records(values: readonly Value[]): Kept[] {
    if (values.length === 0) this.stamp++;
    return values.map((value) => this.keep(value));
  }

  get #range(): Outcome {
    return ["no", "range", `${this.items.length}`];
  }

  get(member: number, index: number): Outcome {
    if (this.gone) return GONE;
    const at = this.#place(index);
    return ["ok", `${this.items.length}`, ...at === null ? [] : this.give(member, this.items[at])];
  }

  set(index: number, value: Value): Outcome {
    const why = this.refusal(value);
    if (why !== null) return why;
    const at = this.#place(index);
    if (at === null) return this.#range;
    const [before] = this.items.splice(at, 1, ...this.#records([value]));
    this.drop(before);
    return ["ok"];
  }

  add(where: string, values: readonly Value[]): Outcome {
    const why = this.refusal(...values);
    if (why !== null) return why;
    this.items.splice(where === "end" ? this.items.length : 0, 0, ...this.#records(values));
    return ["ok", `${this.items.length}`];
  }

  take(member: number, index: number, known: string | null): Outcome {
    if (this.gone) return GONE;
    if (known !== null && known !== `${this.stamp}`) return ["no", "changed"];
    const { length } = this.items;
    const at = this.#place(index);
    if (at === null) return ["ok", `${length}`];
    const [kept] = this.items.splice(at, 1);
    this.stamp++;
    const given = this.give(member, kept);
    this.drop(kept);
    return ["ok", `${length}`, ...given];
  }

  splice(member: number, start: number, count: number, values: readonly Value[]): Outcome {
    const why = this.refusal(...values);
    if (why !== null) return why;
    const gone = this.items.splice(this.#cut(start), Math.max(0, count), ...this.#records(values));
    const given = gone.flatMap((kept) => this.give(member, kept));
    gone.forEach((kept) => this.drop(kept));
    return ["ok", ...given];
  }

  clear(): Outcome {
    if (this.gone) return GONE;
    this.stamp++;
    this.items.splice(0).forEach((kept) => this.drop(kept));
    return ["ok"];
  }

  fill(first: number, last: number, value: Value): Outcome {
    const why = this.refusal(value);
    if (why !== null) return why;
    const [from, to] = [this.#cut(first), this.#cut(last)];
    if (from >= to) return ["ok"];
    const gone = this.items.splice(from, to - from, ...this.#records(Array(to - from).fill(value)));
    gone.forEach((kept) => this.drop(kept));
    return ["ok"];
  }

  multiply(times: number): Outcome {
    if (this.gone) return GONE;
    if (this.items.length === 0) return ["ok"];
    const before = this.items;
    const values = Array.from({ length: Math.max(0, times) }, () => before.map(({ value }) => value)).flat();
    this.items = this.#records(values);
    before.forEach((kept) => this.drop(kept));
    return ["ok"];
  }

  reverse(): Outcome {
    if (this.gone) return GONE;
    this.items.reverse();
    this.stamp++;
    return ["ok"];
  }

  slice(member: number, first: number, last: number): Outcome {
    if (this.gone) return GONE;
    return ["ok", ...this.items.slice(this.#cut(first), this.#cut(last)).flatMap((kept) => this.give(member, kept))];
  }

  read(member: number, index: number | null): Outcome {
    if (this.gone) return GONE;
    if (index === null) return ["ok", `${this.stamp}`, ...this.items.flatMap((kept) => this.give(member, kept))];
    const at = this.#place(index);
    return at === null ? this.#range : ["ok", `${this.items[at].stamp}`, ...this.give(member, this.items[at])];
  }

  assign(member: number, index: number | null, known: string, values: readonly Value[]): Outcome {
    const why = this.refusal(...values);
    if (why !== null) return why;
    const at = index === null ? null : this.#place(index);
    if (index !== null && at === null) return this.#range;
    const version = at === null ? this.stamp : this.items[at].stamp;
    if (`${version}` !== known) return ["ok", "0", ...this.read(member, index).slice(1)];
    const gone = at === null
      ? this.items.splice(0, this.items.length, ...this.#records(values))
      : this.items.splice(at, 1, ...this.#records(values));
    gone.forEach((kept) => this.drop(kept));
    return ["ok", "1"];
  }
}

/** A set of texts. */
export class TextSet extends Carried {
  readonly texts = new Set<string>();

  change(how: string, texts: readonly string[]): Outcome {
    if (this.gone) return GONE;
    const before = this.texts.size;
    if (how === "add") texts.forEach((it) => this.texts.add(it));
    if (how === "delete") texts.forEach((it) => this.texts.delete(it));
    if (how === "toggle") { for (const it of texts) if (!this.texts.delete(it)) this.texts.add(it); }
    if (how === "keep") { for (const it of this.texts) if (!texts.includes(it)) this.texts.delete(it); }
    return how === "delete" ? ["ok", `${before - this.texts.size}`] : ["ok"];
  }

  first(): Outcome {
    if (this.gone) return GONE;
    const [first] = this.texts;
    this.texts.delete(first);
    return first === undefined ? ["ok"] : ["ok", first];
  }

  holds(text: string): Outcome {
    return this.gone ? GONE : ["ok", this.texts.has(text) ? "1" : "0"];
  }

  members(): Outcome {
    return this.gone ? GONE : ["ok", ...this.texts];
  }
}
