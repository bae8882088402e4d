/**
 * Which dicts become plain objects, and which Maps.
 *
 * A dict is there, and may be referred to, before its first key has come. So it is taken for one whose keys are all strs,
 * until a key comes that is none. What has been made then is replaced by a Map where it is: on the stack, and in the memo.
 * If it may be in other places already, the pickle is read again: once with Maps alone, to see which dicts need them, and
 * once more with that knowledge. So no pickle is read more than three times.
 *
 * @module
 */
import { setAll } from "./crowd.ts";
import { unreadable } from "./error.ts";
import type { Memo } from "./memo.ts";
import type { LoadsOptions } from "./options.ts";

/** Thrown where the pickle is to be read again. */
export const AGAIN = Symbol("read the pickle again");

/** In the place of a dict's number in the memo: it has none, or several. */
const NONE = -1;
const SEVERAL = -2;

/** What is known of the dicts of a pickle before it is read. */
export class Plan {
  /** `"survey"`: all are Maps, and those that need to be are noted. */
  #stage: "first" | "survey" | "known" = "first";
  readonly #wanted: LoadsOptions["dicts"];
  #needed: Set<number> | null = null;

  constructor(wanted: LoadsOptions["dicts"]) {
    this.#wanted = wanted;
  }

  /** Goes on to the next reading. */
  advance(): void {
    this.#stage = this.#stage === "first" ? "survey" : "known";
  }

  /** Whether the dict of that number is a Map from the beginning. */
  isMap(number: number): boolean {
    return this.#wanted === "map" || this.#stage === "survey" || (this.#needed?.has(number) ?? false);
  }

  /** Notes that a dict needs to be a Map. */
  need(number: number): void {
    (this.#needed ??= new Set()).add(number);
  }

  /** Whether those that need to be Maps are to be found. */
  get isSurvey(): boolean {
    return this.#stage === "survey";
  }

  /** Refuses a key that is no str, or says that the pickle is to be read again. */
  refuse(key: unknown): unknown {
    if (this.#wanted === "object") return unreadable(`a key of a dict is no str but ${typeof key}`);
    // A registered class that restores otherwise each time may lead here.
    if (this.#stage !== "first") return unreadable("a dict in it is never the same");
    return AGAIN;
  }
}

/** The dicts of one reading of a pickle. */
export class Dicts {
  readonly #plan: Plan;
  readonly #wanted: LoadsOptions["dicts"];
  /** By the place of a dict on the stack, its number in the memo. */
  readonly #numbers: number[] = [];
  /** Objects that were had from the memo, so that they may be anywhere. */
  #fetched: Set<unknown> | null = null;
  /** The numbers of Maps, in a survey. */
  #ordinals: Map<unknown, number> | null = null;
  #count = 0;

  constructor(plan: Plan, wanted: LoadsOptions["dicts"]) {
    this.#plan = plan;
    this.#wanted = wanted;
  }

  /** An empty dict for a place on the stack. */
  begin(place: number): object {
    this.#numbers[place] = NONE;
    const ordinal = this.#count++;
    if (!this.#plan.isMap(ordinal)) return {};
    const map = new Map<unknown, unknown>();
    if (this.#plan.isSurvey) (this.#ordinals ??= new Map()).set(map, ordinal);
    return map;
  }

  /** Notes that what is at a place on the stack has a number in the memo. */
  remember(place: number, index: number): void {
    this.#numbers[place] = this.#numbers[place] === NONE ? index : SEVERAL;
  }

  /** Notes that an object was had from the memo. */
  fetch(value: object): void {
    if (Object.getPrototypeOf(value) === Object.prototype) (this.#fetched ??= new Set()).add(value);
  }

  /** Sets keys and values, which stand on the stack from `from` on, in the dict below them; false if that is no dict. */
  setItems(stack: unknown[], from: number, memo: Memo): boolean {
    const dict = stack[from - 1];
    if (dict instanceof Map) {
      if (this.#plan.isSurvey) this.#note(dict, stack, from);
      setAll(dict, stack, from);
      return true;
    }
    if (typeof dict !== "object" || dict === null || Object.getPrototypeOf(dict) !== Object.prototype) return false;
    const strange = strangeKey(stack, from);
    if (strange < 0) setProperties(dict as Record<string, unknown>, stack, from);
    else this.#replace(dict, stack, from, memo, stack[strange]);
    return true;
  }

  #note(dict: object, stack: unknown[], from: number): void {
    const ordinal = this.#ordinals?.get(dict);
    if (ordinal !== undefined && strangeKey(stack, from) >= 0) this.#plan.need(ordinal);
  }

  /** Puts a Map in the place of a plain object, if that has nothing in it and is nowhere else. */
  #replace(dict: object, stack: unknown[], from: number, memo: Memo, key: unknown): void {
    const number = this.#numbers[from - 1];
    const isHere = number === NONE || number >= 0 && memo.has(number, dict);
    const mayBe = this.#wanted === "auto" && isHere && !this.#fetched?.has(dict) && Object.keys(dict).length === 0;
    if (!mayBe) throw this.#plan.refuse(key);
    const map = new Map<unknown, unknown>();
    setAll(map, stack, from);
    stack[from - 1] = map;
    if (number >= 0) memo.set(number, map);
  }
}

/** Where the first key is that is no str; −1 if there is none. */
function strangeKey(stack: unknown[], from: number): number {
  for (let i = from; i < stack.length; i += 2) if (typeof stack[i] !== "string") return i;
  return -1;
}

function setProperties(object: Record<string, unknown>, stack: unknown[], from: number): void {
  for (let i = from; i < stack.length; i += 2) {
    const key = stack[i] as string;
    if (key === "__proto__") define(object, key, stack[i + 1]);
    else object[key] = stack[i + 1];
  }
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The keys and values of a dict, whichever it is; `null` if a value is none. */
export function entriesOf(dict: unknown): [key: unknown, value: unknown][] | null {
  if (dict instanceof Map) return [...dict];
  if (typeof dict !== "object" || dict === null || Object.getPrototypeOf(dict) !== Object.prototype) return null;
  return Object.entries(dict);
}

/** What a dict has for a str; `undefined` if it has nothing, or is none. */
export function itemOf(dict: unknown, key: string): unknown {
  if (dict instanceof Map) return dict.get(key);
  if (typeof dict !== "object" || dict === null || !Object.hasOwn(dict, key)) return undefined;
  return (dict as Record<string, unknown>)[key];
}
