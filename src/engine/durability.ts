// What an acknowledged step of a tree has outlived: an option, and the word by which the addon and the engine know it.

import { requireKnown } from "../waiting/options.ts";

/** What an acknowledged step has outlived: nothing, the end of the engine's machine, or so many replicas of it. */
export type Durability = "memory" | "disk" | { replicas: number };

const WANTED = 'wanted "memory", "disk" or { replicas: n }';
/** More replicas than anybody has. */
const MOST = 100;

/**
 * Checks the option.
 *
 * @throws {TypeError} If it is of the wrong type, or has what is unknown.
 * @throws {RangeError} If it is out of its range.
 */
export function durabilityOf(action: string, value: unknown): Durability {
  if (value === "memory" || value === "disk") return value;
  if (typeof value !== "object" || value === null) {
    throw new RangeError(`Cannot ${action}: "durability" is ${Deno.inspect(value)}, ${WANTED}`);
  }
  requireKnown(`${action} with that durability`, value, ["replicas"]);
  const replicas: unknown = Reflect.get(value, "replicas");
  const isRight = typeof replicas === "number" && Number.isInteger(replicas) && replicas >= 1 && replicas <= MOST;
  if (isRight) return { replicas };
  const wanted = `wanted a whole number from 1 to ${MOST}`;
  throw new RangeError(`Cannot ${action}: "durability.replicas" is ${Deno.inspect(replicas)}, ${wanted}`);
}

/** As the addon and the engine know it. */
export function durabilityText(durability: Durability): string {
  return typeof durability === "string" ? durability : `replicas:${durability.replicas}`;
}

/** What that says, which a tree was begun with. */
export function durabilityIn(text: string): Durability {
  const replicas = text.match(/^replicas:(\d+)$/)?.[1];
  if (replicas !== undefined) return { replicas: Number(replicas) };
  return text === "disk" ? "disk" : "memory";
}
