// The clocks, timers and other globals of time as they were when the package was imported. Tests replace the global
// ones (fake timers) and do not let time pass: a wait of this package would then never end. No other module of src uses
// the global ones; tests/surroundings/timing_test.ts looks.

/** The clock of durations. */
export const performance: Pick<Performance, "now"> = {
  now: globalThis.performance.now.bind(globalThis.performance),
};

const timeouts = { set: asItIs("setTimeout"), clear: asItIs("clearTimeout") };
const immediates = asItIs("setImmediate");

/** As the global one was. */
export const setTimeout =
  ((...args: Parameters<typeof globalThis.setTimeout>) => timeouts.set()(...args)) as typeof globalThis.setTimeout;

/** As the global one was. */
export const clearTimeout: typeof globalThis.clearTimeout = (id) => timeouts.clear()(id);

/** Calls `work` in the next turn of the event loop, as the global one did. */
export const setImmediate = (work: () => void): void => void immediates()(work);

/** As the global one was. */
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;

/** The class of dates: what was sent is received as one of these whatever the time pretends to be. */
export const Date: typeof globalThis.Date = globalThis.Date;

/** The classes of dates and times. Deno makes them when somebody first asks for them, so not at the import. */
export function temporal(): typeof globalThis.Temporal {
  return globalThis.Temporal;
}

/** When this process, or Worker, has begun, in milliseconds since 1970. */
const begin = globalThis.performance.timeOrigin;
/** For so many milliseconds from then on, the clock of the time of day is taken for not having been set. */
const YOUNG = 5000;

/** Milliseconds since 1970, with fractions. */
export function wallClock(): number {
  const age = performance.now();
  // Deno makes the classes of times for the other way, in 0.5 ms: too long for each start of a pool's worker.
  if (age < YOUNG) return begin + age;
  return Number(temporal().Now.instant().epochNanoseconds) / 1e6;
}

/** `AbortSignal.timeout`, as it was. */
export const timeoutSignal: typeof AbortSignal.timeout = AbortSignal.timeout.bind(AbortSignal);

/** `Deno.unrefTimer`, as it was. */
export const unrefTimer: typeof Deno.unrefTimer = Deno.unrefTimer;

/**
 * A global function as it is now, had when it is first wanted: Deno makes its timers when somebody first asks for one,
 * which takes 10 ms of a process's start. Giving the global another value meanwhile changes what Deno's getter
 * gives, so the function is taken just before that.
 */
function asItIs<Name extends "setTimeout" | "clearTimeout" | "setImmediate">(
  name: Name,
): () => typeof globalThis[Name] {
  type Value = typeof globalThis[Name];
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name) ?? {};
  const { get, set, configurable = false } = descriptor;
  let value: Value | undefined;
  if (get === undefined || set === undefined || !configurable) value = globalThis[name];
  const taken = () => value ??= get!.call(globalThis) as Value;
  if (value === undefined) {
    Object.defineProperty(globalThis, name, {
      ...descriptor,
      set(other: unknown) {
        taken();
        set!.call(globalThis, other);
      },
    });
  }
  return taken;
}
