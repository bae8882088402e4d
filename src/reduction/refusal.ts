/**
 * The reason why a value cannot be serialised, in words, and its place in the message.
 *
 * @module
 */

import { withUsersFrames } from "../runtime/stack.ts";

/** Why a value cannot travel and what to do instead. */
export interface Reason {
  readonly why: string;
  /** A sentence; absent if `why` says it. */
  readonly instead?: string;
}

/** A path longer than this is cut in the middle. */
const LONGEST_PATH = 400;
/** A key, or a name, longer than this is cut. */
const LONGEST_NAME = 80;

/**
 * Thrown by the encoder at the value that cannot travel. On the way out every container adds its step, so the place is
 * known without a second look at the value, whose getters and reduce() run once.
 */
export class Refusal {
  readonly #culprit: unknown;
  readonly #reason: Reason;
  /** Innermost first. */
  readonly #steps: string[] = [];

  constructor(culprit: unknown, reason: Reason) {
    this.#culprit = culprit;
    this.#reason = reason;
  }

  /** Adds the step from a container to what is in it. */
  within(step: string): this {
    this.#steps.push(step);
    return this;
  }

  /** Adds the step from a registered instance to what its reduce() returned; none to itself. */
  behind(instance: object): this {
    if (this.#culprit === instance) this.#steps.length = 0;
    else this.#steps.push(".reduce()");
    return this;
  }

  /** The reason in words. */
  explain(): TypeError {
    const { why, instead } = this.#reason;
    const advice = instead === undefined ? "" : `. ${instead}`;
    const message = `Cannot serialise ${describe(this.#culprit)} at ${this.#path()}: ${why}${advice}.`;
    return withUsersFrames(new TypeError(message));
  }

  #path(): string {
    const path = "value" + this.#steps.reverse().join("");
    if (path.length <= LONGEST_PATH) return path;
    return `${path.slice(0, LONGEST_PATH / 2)} … ${path.slice(-LONGEST_PATH / 2)}`;
  }
}

/** For functions. */
export const FUNCTION: Reason = {
  why: "a function cannot be copied to another process",
  instead: "Export it from a module and import it there",
};
/** For symbols. */
export const SYMBOL: Reason = {
  why: "a symbol is known to one process only",
  instead: "Send a string",
};
/** For an object that `reduce` describes by itself. */
export const SELF_REFERENCE: Reason = {
  why: "what its reduce() returned refers back to it",
  instead: "Return data that does not contain the instance",
};
/** For SharedArrayBuffer and views of it. */
export const SHARED_BUFFER: Reason = {
  why: "a SharedArrayBuffer is shared by the threads of one process only",
  instead: "Use RawArray() or SharedMemory, or send a copy made with slice()",
};
/** For a buffer whose memory was transferred, and views of it. */
export const DETACHED: Reason = {
  why: "its memory was transferred to somebody else",
  instead: "Send it before that, or send a copy made with slice()",
};
/** For views that lie outside of their buffer. */
export const OUT_OF_BOUNDS: Reason = {
  why: "its buffer has become shorter, and it lies outside",
  instead: "Send it before that, or send a copy made with slice()",
};
/** For views of a class that is not known. */
export const UNKNOWN_VIEW: Reason = {
  why: "this kind of view is not known",
  instead: "Send its bytes as a Uint8Array",
};
/** For objects whose class says that they are what they are not. */
export const IMPOSTOR: Reason = {
  why: "it inherits from a built-in class, but has nothing of what such an object holds (a Proxy, or Object.create())",
  instead: "Send the object itself",
};
/** For objects whose class keeps its state in private members, and that have none. */
export const HOLLOW: Reason = {
  why: "it has nothing of what an object of its class holds inside (a Proxy, or Object.create())",
  instead: "Send the object itself",
};
/** For what no longer is anything. */
export const REVOKED: Reason = {
  why: "it is a Proxy that was revoked",
  instead: "Send it before that, or send the object itself",
};
/** For instances that would arrive as `{}`. */
export const PRIVATE_STATE: Reason = {
  why: "its state is in private members, which cannot be read",
  instead: "Call register() for its class, or send the data it stands for",
};
/** For instances that would arrive as `{}`, too. */
export const SYMBOL_STATE: Reason = {
  why: "its state is in properties that symbols name, which are known to one process only",
  instead: "Call register() for its class, or send the data it stands for",
};

/** `value.name`, `value["two words"]`. */
export function propertyStep(key: string): string {
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)) return `.${shortened(key)}`;
  return `[${JSON.stringify(shortened(key))}]`;
}

/** The key of a Map in a path. */
export function keyText(key: unknown): string {
  if (typeof key === "string") return JSON.stringify(shortened(key));
  if (typeof key === "object" && key !== null || typeof key === "function") return describe(key);
  return shortened(typeof key === "bigint" ? `${key}n` : String(key));
}

function describe(value: unknown): string {
  if (typeof value === "function") {
    const name = nameOf(value);
    return name === "" ? "an anonymous function" : `function "${name}"`;
  }
  if (typeof value !== "object" || value === null) return String(value);
  const name = nameOf(constructorOf(value));
  if (name !== "" && name !== "Object") return `an object of class "${name}"`;
  return `an object of kind "${kindOf(value)}"`;
}

function constructorOf(value: object): unknown {
  try {
    return Object.getPrototypeOf(value)?.constructor;
  } catch {
    return undefined; // a revoked Proxy, or a getter that throws
  }
}

/** The name of a function, if it has one that is text. */
function nameOf(value: unknown): string {
  if (typeof value !== "function") return "";
  try {
    const name: unknown = Object.getOwnPropertyDescriptor(value, "name")?.value;
    return typeof name === "string" ? shortened(name) : "";
  } catch {
    return ""; // a revoked Proxy
  }
}

function kindOf(value: object): string {
  try {
    return shortened(Object.prototype.toString.call(value).slice(8, -1));
  } catch {
    return "Object";
  }
}

function shortened(text: string): string {
  return text.length <= LONGEST_NAME ? text : `${text.slice(0, LONGEST_NAME)}…`;
}
