// The interface of objects that `wait` can wait for: connections, listeners, sentinels.

/**
 * Names the method of an object that {@linkcode wait} can wait for.
 *
 * @example What a connection says
 * ```ts
 * import { descriptorOf, Pipe } from "@parallel/multiprocessing/connection";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = Pipe();
 * assertEquals(a[descriptorOf](), a.fileno());
 * a.close();
 * b.close();
 * ```
 */
export const descriptorOf: unique symbol = Symbol("descriptor");

/** An object that is ready at some moment. */
export interface Waitable {
  /** The descriptor that becomes readable when the object is ready, or `null` if it is ready for good. */
  [descriptorOf](): number | null;
}
