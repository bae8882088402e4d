// The clocks, timers and other globals of time as they were when the package was imported. Tests replace the global
// ones (fake timers) and do not let time pass: a wait of this package would then never end. No other module of src uses
// the global ones; tests/surroundings/timing_test.ts looks.

/** The clock of durations. */
export const performance: Pick<Performance, "now"> = {
  now: globalThis.performance.now.bind(globalThis.performance),
};

/** As the global one was. */
export const setTimeout: typeof globalThis.setTimeout = globalThis.setTimeout;

/** As the global one was. */
export const clearTimeout: typeof globalThis.clearTimeout = globalThis.clearTimeout;

/** As the global one was. */
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;

/** The class of dates: what was sent is received as one of these whatever the time pretends to be. */
export const Date: typeof globalThis.Date = globalThis.Date;

/** `AbortSignal.timeout`, as it was. */
export const timeoutSignal: typeof AbortSignal.timeout = AbortSignal.timeout.bind(AbortSignal);

/** `Deno.unrefTimer`, as it was. */
export const unrefTimer: typeof Deno.unrefTimer = Deno.unrefTimer;
