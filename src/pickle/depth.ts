/**
 * How deep a value is nested. Programs visit values by calling themselves, and a thread's stack ends somewhere.
 *
 * @module
 */
import { unreadable } from "./error.ts";
import type { PythonException } from "./exceptions.ts";
import { NdArray } from "./ndarray.ts";
import { PythonObject } from "./python_object.ts";

/** The most levels that a value may have, in either direction. */
export const MAX_DEPTH = 1000;

/** What is inside of an object that a registered class has made, which nobody can see from outside. */
export type Made = ReadonlyMap<unknown, readonly unknown[]>;

interface Visit {
  readonly node: object;
  readonly inside: readonly unknown[];
  next: number;
  height: number;
}

/**
 * Refuses a value that is nested more than `MAX_DEPTH` levels deep. It is walked with a stack of its own, and each object
 * once, however often it occurs. A count while it is read would not do: a list may be lengthened after it has been put into
 * another.
 */
export function requireShallow(value: unknown, made: Made): void {
  if (typeof value !== "object" || value === null) return;
  const heights = new Map<object, number>();
  const path: Visit[] = [visit(value, made)];
  heights.set(value, 0);
  while (path.length > 0) {
    const top = path[path.length - 1];
    if (top.next === top.inside.length) {
      path.pop();
      heights.set(top.node, top.height);
      if (path.length > 0) raise(path[path.length - 1], top.height);
      continue;
    }
    const child = top.inside[top.next++];
    if (typeof child !== "object" || child === null) continue;
    const known = heights.get(child);
    if (known !== undefined) {
      if (path.length + known > MAX_DEPTH) throw tooDeep();
      raise(top, known);
      continue;
    }
    const inside = insideOf(child, made);
    if (inside.length === 0) continue;
    if (path.length >= MAX_DEPTH) throw tooDeep();
    heights.set(child, 0); // while it is on the path, a way back to it is a circle
    path.push({ node: child, inside, next: 0, height: 1 });
  }
}

function visit(node: object, made: Made): Visit {
  return { node, inside: insideOf(node, made), next: 0, height: 1 };
}

function raise(parent: Visit, height: number): void {
  parent.height = Math.max(parent.height, height + 1);
}

function tooDeep() {
  return unreadable(`it is nested more than ${MAX_DEPTH} levels deep`);
}

/** What an object contains. */
function insideOf(node: object, made: Made): readonly unknown[] {
  if (Array.isArray(node)) return node;
  if (node instanceof Map) return [...node.keys(), ...node.values()];
  if (node instanceof Set) return [...node];
  if (node instanceof PythonObject) {
    const { args, kwargs, state, items, entries } = node;
    return [args, kwargs, state, items, entries];
  }
  if (node instanceof NdArray) return Array.isArray(node.data) ? node.data : [];
  const hidden = made.get(node);
  if (hidden !== undefined) return hidden;
  if (node instanceof Error) {
    const { args, notes, state } = node as PythonException;
    return [args, notes, state];
  }
  return Object.getPrototypeOf(node) === Object.prototype ? Object.values(node) : [];
}
