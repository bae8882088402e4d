// The numbers that both languages know: states, outcomes, kinds, places in shared memory. They are Rust's, where
// native/addon/src/abi/numbers.rs says what each means, and are told once, when the addon is loaded. Here are their names.

/** What the addon tells: the numbers of each group, by their names. */
export type Numbers = Readonly<Record<string, Readonly<Record<string, number>>>>;

type Group<Name extends string> = Readonly<Record<Name, number>>;

/** All groups by their names; none has a number before {@linkcode learnNumbers}. */
const groups = new Map<string, { readonly members: object; readonly names: readonly string[] }>();

/** Loads the addon, which calls {@linkcode learnNumbers}. */
let load = (): void => {};

/** Says how the addon is loaded if a number is wanted before. */
export function loadForNumbers(loader: () => void): void {
  load = loader;
}

/** The prototype of all groups before the addon is loaded: whatever is asked of it loads that. One for all is made soonest. */
const early: Record<string, number> = Object.create(null);
const earlyNames = new Set<string>();

function nameEarly(name: string): void {
  earlyNames.add(name);
  Object.defineProperty(early, name, {
    get(this: Record<string, number>): number {
      load();
      return this[name];
    },
  });
}

/**
 * The group of that name, with numbers of these names. They are ordinary properties once the addon is loaded, so that
 * reading one costs nothing to speak of; until then the prototype answers, which loads it.
 */
function group<Name extends string>(group: string, ...names: Name[]): Group<Name> {
  for (const name of names) if (!earlyNames.has(name)) nameEarly(name);
  const members: Group<Name> = Object.create(early);
  groups.set(group, { members, names });
  return members;
}

/** Takes over what the addon has told. Its numbers have the same names, or it would have another interface. */
export function learnNumbers(told: Numbers): void {
  for (const [group, { members }] of groups) Object.assign(Object.setPrototypeOf(members, null), told[group]);
}

/** The names of the groups and of their numbers. */
export function namesOfNumbers(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(groups.entries().map(([group, { names }]) => [group, names]));
}

/** What a block is used as. */
export const Kind = group("kind", "lock", "rlock", "semaphore", "event", "value", "bytes", "pipe", "pool");

/** Cells and the windows in which they lie side by side, in bytes. */
export const Cell = group("cell", "size", "windowSize", "valueOffset", "valueSize");

/** A lock in its cell. */
export const LockWord = group("lockWord", "place", "depthPlace", "free", "waiters", "token");

/** A semaphore in its cell. */
export const SemaphoreWord = group("semaphoreWord", "place", "maxPlace", "mask");

/** An event in its cell. */
export const EventWord = group("eventWord", "place", "set", "waiters", "count");

/** What a pool tells of itself, in its cell. */
export const PoolWord = group(
  "poolWord",
  "pid",
  "processes",
  "present",
  "concurrency",
  "given",
  "backlog",
  "done",
  "failed",
);

/** When and for how many milliseconds a wait looks before it has itself told. */
export const Look = group("look", "time", "rests");

/** How a wait has ended. */
export const Outcome = group("outcome", "ready", "failed", "timedOut", "notAcquired");

/** How else the wait of a condition has ended, and what is not done for a thread without its lock. */
export const ConditionOutcome = group("conditionOutcome", "notNotified", "notOwner");

/** How else the wait at a barrier has ended. */
export const BarrierOutcome = group("barrierOutcome", "broken", "runsAction", "noSlot");

export const BarrierLimit = group("barrierLimit", "maxParties");

/** What came of a put. */
export const PutStatus = group("putStatus", "done", "full", "shutDown", "orphaned");

/** What getting a message returns that is none. */
export const GetStatus = group("getStatus", "empty", "shutDown", "orphaned", "other");

/** How the bytes of a message are to be read; travels beside them. */
export const MessageTag = group("messageTag", "value", "bytes", "loan");

/** What getting a message adds to its length. */
export const MessageUnit = group("messageUnit", "tag", "attached", "tooLong");

/** A run of messages: each has a header of two words, its length, and as many `tag` as its tag says. */
export const RunLayout = group("run", "unit", "tag");

/** What a queue can be waited for. */
export const QueueState = group("queueState", "filled", "drained", "done");

/** What such a wait hears of the others who have the queue. */
export const QueueWatch = group("queueWatch", "nothing", "never", "leaving", "joining", "both");

/** How such a wait has ended, if not by what it was for. */
export const QueueOutcome = group("queueOutcome", "never", "left", "joined");

/** What can be expected of the others who have a queue. */
export const Company = group("company", "nobody", "waiting", "awake");

/** How waiting until all messages are acknowledged has ended. */
export const JoinStatus = group("joinStatus", "done", "timedOut", "abandoned", "orphaned");

/** The scratch buffer, in bytes. */
export const ScratchLayout = group("scratch", "messageOffset", "preview");

/** What came of sending to a connection. */
export const SendStatus = group("sendStatus", "done", "kept");

/** What receiving from a connection returns that is no length. */
export const ReceiveStatus = group("receiveStatus", "notYet", "end");

/** How long receiving from a connection waits. */
export const Patience = group("patience", "none", "microseconds", "endless");

/** What a step of fetching a connection returns that is no connection. */
export const FetchStatus = group("fetchStatus", "asked", "busy", "gone", "taken");

/** Times of fetching a connection, in milliseconds. */
export const FetchTime = group("fetchTime", "busyPause");
