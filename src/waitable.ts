// What `wait` (connection.ts) can wait for, without knowing whose it is: connections, listeners, sentinels.

/** Names the method of an object that can be waited for. */
export const descriptorOf: unique symbol = Symbol("descriptor");

/** An object that is ready at some moment. */
export interface Waitable {
  /** The descriptor that becomes readable when the object is ready, or `null` if it is ready for good. */
  [descriptorOf](): number | null;
}
