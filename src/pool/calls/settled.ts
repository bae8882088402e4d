// What there is for each item of a call with `settled: true`: its result, or why there is none, and which item it was.

/** What became of an item, as `PromiseSettledResult` says it. */
export type Settled = PromiseSettledResult<unknown> & { readonly index: number };

/** An item has its result. */
export function fulfilled(value: unknown, index: number): Settled {
  return { status: "fulfilled", value, index };
}

/** An item has none. */
export function rejected(reason: unknown, index: number): Settled {
  return { status: "rejected", reason, index };
}
